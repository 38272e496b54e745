import { invalidArgument } from "../errors/crib-error.ts";
import type { IdMapping } from "../spec/id-mapping.ts";
import type { NamespaceOptions } from "../spec/namespace-options.ts";
import type { SpecIdMapping } from "./runtime-spec.ts";

/** The ids of a pod's own user namespace, as lines of /proc/PID/uid_map and gid_map. */
export interface UserNamespace {
  readonly uids: readonly SpecIdMapping[];
  readonly gids: readonly SpecIdMapping[];
}

/** user_namespaces(7): lines of a map since Linux 4.15. */
const maxLines = 340;
/** 2^32-1 is no id: (uid_t)-1 means "no change". */
const idEnd = 2 ** 32 - 1;

/**
 * The user namespace a pod or container asks for; undefined: the host's.
 *
 * @throws {CribError} invalid-argument for a map the kernel would refuse, one that leaves out the namespace's root, and
 * one that reaches the host's root, which would confine nothing.
 */
export function parseUserNamespace(options: NamespaceOptions | undefined, field: string): UserNamespace | undefined {
  const requested = options?.usernsOptions;
  if (options === undefined || requested === undefined || requested.mode === "node") {
    const stray = (requested?.uids.length ?? 0) + (requested?.gids.length ?? 0);
    if (stray > 0) throw invalidArgument(`${field}.userns_options: uids and gids are for mode POD`);
    return undefined;
  }
  if (requested.mode !== "pod") {
    throw invalidArgument(
      `${field}.userns_options.mode: ${requested.mode.toUpperCase()} is not a mode of this namespace`,
    );
  }
  // procfs and mqueue belong to the user namespace of the namespace they show: they could not be mounted.
  for (const name of ["pid", "ipc"] as const) {
    if (options[name] !== "node") continue;
    throw invalidArgument(
      `${field}.${name}: a pod with a user namespace of its own cannot share the host's ${name} namespace`,
    );
  }
  return {
    uids: parseIdMap(requested.uids, `${field}.userns_options.uids`),
    gids: parseIdMap(requested.gids, `${field}.userns_options.gids`),
  };
}

/** @throws {CribError} invalid-argument */
function parseIdMap(lines: readonly IdMapping[], field: string): readonly SpecIdMapping[] {
  if (lines.length === 0) throw invalidArgument(`${field} is required with mode POD`);
  if (lines.length > maxLines) throw invalidArgument(`${field}: ${lines.length} lines; Linux allows ${maxLines}`);
  const map = lines.map(({ containerId, hostId, length }) => {
    if (length === 0) throw invalidArgument(`${field}: a mapping has length 0`);
    if (containerId + length > idEnd || hostId + length > idEnd) {
      throw invalidArgument(`${field}: ${containerId} → ${hostId}, ${length} long, goes beyond the last id`);
    }
    if (hostId === 0) throw invalidArgument(`${field}: host_id 0 would make the host's root the pod's`);
    return { containerID: containerId, hostID: hostId, size: length };
  });
  checkDisjoint(map, "containerID", field);
  checkDisjoint(map, "hostID", field);
  if (hostIdOf(map, 0) === undefined) throw invalidArgument(`${field}: container_id 0, the pod's root, is not mapped`);
  return map;
}

function checkDisjoint(map: readonly SpecIdMapping[], side: "containerID" | "hostID", field: string): void {
  const sorted = map.toSorted((a, b) => a[side] - b[side]);
  for (const [index, line] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next !== undefined && line[side] + line.size > next[side]) {
      throw invalidArgument(
        `${field}: mappings overlap at ${side === "hostID" ? "host_id" : "container_id"} ${next[side]}`,
      );
    }
  }
}

/** What the host calls an id of the namespace; undefined: it has none. */
export function hostIdOf(map: readonly SpecIdMapping[], id: number): number | undefined {
  const line = map.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return line === undefined ? undefined : line.hostID + (id - line.containerID);
}

/** The same ids on both sides, in whatever order they are written. */
export function sameIdMap(a: readonly SpecIdMapping[], b: readonly SpecIdMapping[]): boolean {
  const text = (map: readonly SpecIdMapping[]) =>
    JSON.stringify(map.toSorted((x, y) => x.containerID - y.containerID).map((l) => [l.containerID, l.hostID, l.size]));
  return text(a) === text(b);
}

/**
 * A container is in its pod's user namespace, whichever that is. The kubelet sends the same options to both.
 *
 * @throws {CribError} invalid-argument when they differ.
 */
export function checkSameUserNamespace(pod: UserNamespace | undefined, container: UserNamespace | undefined): void {
  if (pod === undefined && container === undefined) return;
  const same =
    pod !== undefined &&
    container !== undefined &&
    sameIdMap(pod.uids, container.uids) &&
    sameIdMap(pod.gids, container.gids);
  if (!same) throw invalidArgument("user namespace of the container is not that of its pod");
}

/** An id mapping of a mount. @throws {CribError} invalid-argument when it is not the pod's own. */
export function checkMountMap(
  lines: readonly IdMapping[],
  own: readonly SpecIdMapping[] | undefined,
  what: string,
): void {
  const asked = lines.map(({ containerId, hostId, length }) => ({
    containerID: containerId,
    hostID: hostId,
    size: length,
  }));
  if (own === undefined) throw invalidArgument(`${what} asks for id mappings, which need a user namespace`);
  if (!sameIdMap(asked, own)) throw invalidArgument(`${what} asks for other id mappings than those of its pod`);
}
