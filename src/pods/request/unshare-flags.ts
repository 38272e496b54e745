import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUTS } from "../../kernel/clone-flags.ts";
import type { NamespaceModes } from "./namespace-modes.ts";

/** The namespaces that a pod's monitor makes for it. */
export function unshareFlags(modes: Pick<NamespaceModes, "hostNetwork" | "hostUts" | "hostIpc">): number {
  const { hostNetwork, hostUts, hostIpc } = modes;
  let flags = 0;
  if (!hostNetwork) flags |= CLONE_NEWNET;
  if (!hostUts) flags |= CLONE_NEWUTS;
  if (!hostIpc) flags |= CLONE_NEWIPC;
  return flags;
}
