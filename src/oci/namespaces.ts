import type { NamespaceOptions } from "../spec/namespace-options.ts";
import type { CgroupView } from "./cgroup-view.ts";
import type { SpecNamespace } from "./runtime-spec.ts";

/** Where the pod's namespaces can be opened; undefined: made by the runtime that runs the spec, or not known yet. */
export interface NamespacePaths {
  readonly network?: string;
  readonly ipc?: string;
  readonly uts?: string;
  readonly pid?: string;
  readonly user?: string;
}

/**
 * The spec's namespace list: absent types are the host's, ones with a path are joined, the others made. The native runtime
 * runs containers from the pod's monitor, which is in the pod's network, ipc and uts namespaces already.
 */
export function buildNamespaces(
  options: NamespaceOptions | undefined,
  ownUts: boolean,
  paths: NamespacePaths,
  cgroups: CgroupView["namespace"] = "own",
): readonly SpecNamespace[] {
  const namespaces: SpecNamespace[] = [{ type: "mount" }];
  if (cgroups === "own") namespaces.push({ type: "cgroup" });
  if (options?.pid !== "node") namespaces.push(namespace("pid", paths.pid));
  if (options?.ipc !== "node") namespaces.push(namespace("ipc", paths.ipc));
  if (options?.network !== "node") namespaces.push(namespace("network", paths.network));
  if (ownUts) namespaces.push(namespace("uts", paths.uts));
  if (options?.usernsOptions?.mode === "pod") namespaces.push(namespace("user", paths.user));
  return namespaces;
}

function namespace(type: string, path: string | undefined): SpecNamespace {
  return path === undefined ? { type } : { type, path };
}
