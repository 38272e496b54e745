import type { CgroupFiles } from "../files/cgroup-files.ts";
import { parseFlatKeyed, readNumber, readOptional } from "../files/flat-keyed.ts";
import type { CgroupStats } from "../port.ts";

/** From here up a v1 limit means none: the largest page count, rounded down to pages of up to 64 KiB. */
const unlimited = 2n ** 63n - 2n ** 16n;

/** What v1 accounts; `directoryOf` gives the group's directory in the hierarchy of a controller. */
export function readV1Stats(
  files: CgroupFiles,
  directoryOf: (controller: string) => string | undefined,
): Pick<CgroupStats, "cpuUsageNs" | "memory" | "pids" | "oomKills"> {
  const cpuacct = directoryOf("cpuacct");
  const memory = directoryOf("memory");
  const pids = directoryOf("pids");
  const oom = memory === undefined ? undefined : readOptional(files, `${memory}/memory.oom_control`);
  return {
    cpuUsageNs: cpuacct === undefined ? undefined : readNumber(files, `${cpuacct}/cpuacct.usage`),
    memory: memory === undefined ? undefined : readMemory(files, memory),
    pids: pids === undefined ? undefined : readNumber(files, `${pids}/pids.current`),
    oomKills: oom === undefined ? undefined : parseFlatKeyed(oom.trimEnd()).get("oom_kill"),
  };
}

/** The working set leaves out page cache the kernel would drop first, as the kubelet counts it for eviction. */
function readMemory(files: CgroupFiles, directory: string): CgroupStats["memory"] {
  const usage = readNumber(files, `${directory}/memory.usage_in_bytes`);
  const text = readOptional(files, `${directory}/memory.stat`);
  if (usage === undefined || text === undefined) return undefined;
  const stat = parseFlatKeyed(text);
  const value = (key: string) => stat.get(key) ?? 0n;
  const inactive = value("total_inactive_file");
  const limit = finite(readNumber(files, `${directory}/memory.limit_in_bytes`));
  const both = finite(readNumber(files, `${directory}/memory.memsw.limit_in_bytes`));
  return {
    usageBytes: usage,
    workingSetBytes: usage > inactive ? usage - inactive : 0n,
    rssBytes: value("total_rss"),
    pageFaults: value("total_pgfault"),
    majorPageFaults: value("total_pgmajfault"),
    limitBytes: limit,
    swapUsageBytes: stat.get("total_swap"),
    swapLimitBytes: both === undefined || limit === undefined ? undefined : both - limit,
  };
}

export function isUnlimited(limit: bigint): boolean {
  return limit >= unlimited;
}

function finite(limit: bigint | undefined): bigint | undefined {
  return limit === undefined || isUnlimited(limit) ? undefined : limit;
}
