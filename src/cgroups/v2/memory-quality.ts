import type { CgroupResources } from "../../oci/resources/cgroup-resources.ts";

/**
 * What a kubelet's MemoryQoS says of a container's memory (KEP-2570): a promise and a brake, not a limit. Since 1.37 it is on by
 * default, so every container comes with some of them.
 */
const qualityFiles: ReadonlySet<string> = new Set(["memory.min", "memory.low", "memory.high"]);

/** The resources without them, for a host whose memory controller is v1's, which has nothing like it; and what was left out. */
export function withoutMemoryQuality(resources: CgroupResources): {
  readonly resources: CgroupResources;
  readonly left: readonly string[];
} {
  const { unified, ...rest } = resources;
  const left = [...(unified?.keys() ?? [])].filter((file) => qualityFiles.has(file));
  if (unified === undefined || left.length === 0) return { resources, left };
  const kept = new Map([...unified].filter(([file]) => !qualityFiles.has(file)));
  return { resources: kept.size === 0 ? rest : { ...rest, unified: kept }, left };
}
