import type { IdMapping } from "./id-mapping.ts";

/** Whose namespace it is: the pod's, the container's own, the node's, or that of another container of the pod. */
export type NamespaceMode = "pod" | "container" | "node" | "target";

/** Which namespaces a pod or container shares with whom. */
export interface NamespaceOptions {
  readonly network: NamespaceMode;
  readonly pid: NamespaceMode;
  readonly ipc: NamespaceMode;
  /** The container whose pid namespace is joined, an id or the beginning of one; "" unless `pid` is "target". */
  readonly targetId: string;
  /** undefined: nothing is said of a user namespace, which is then the node's. */
  readonly usernsOptions: UserNamespaceOptions | undefined;
  /** undefined: nothing is said of a cgroup namespace, and the container gets its own. */
  readonly cgroupnsOptions: CgroupNamespaceOptions | undefined;
}

export interface UserNamespaceOptions {
  readonly mode: NamespaceMode;
  readonly uids: readonly IdMapping[];
  readonly gids: readonly IdMapping[];
}

export interface CgroupNamespaceOptions {
  readonly mode: NamespaceMode;
}

/** What a request means that says nothing of namespaces: each is the pod's. */
export const podNamespaces: NamespaceOptions = Object.freeze({
  network: "pod",
  pid: "pod",
  ipc: "pod",
  targetId: "",
  usernsOptions: undefined,
  cgroupnsOptions: undefined,
});
