import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUTS } from "../../kernel/clone-flags.ts";
import type { NamespaceModes } from "./namespace-modes.ts";

/** The namespaces that a pod's monitor makes for it. */
export function unshareFlags({ hostNetwork, hostIpc }: Pick<NamespaceModes, "hostNetwork" | "hostIpc">): number {
  let flags = 0;
  // A pod on the host's network keeps the host's name too: programs resolve one through the other.
  if (!hostNetwork) flags |= CLONE_NEWNET | CLONE_NEWUTS;
  if (!hostIpc) flags |= CLONE_NEWIPC;
  return flags;
}
