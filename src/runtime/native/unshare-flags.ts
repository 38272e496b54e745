import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUTS } from "../../kernel/clone-flags.ts";
import type { SandboxNamespaces } from "../port.ts";

/** The namespaces that a pod's monitor makes for it. */
export function unshareFlags(namespaces: Omit<SandboxNamespaces, "userNamespace">): number {
  const { hostNetwork, hostUts, hostIpc } = namespaces;
  let flags = 0;
  if (!hostNetwork) flags |= CLONE_NEWNET;
  if (!hostUts) flags |= CLONE_NEWUTS;
  if (!hostIpc) flags |= CLONE_NEWIPC;
  return flags;
}
