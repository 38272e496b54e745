import type { CgroupFiles } from "../files/cgroup-files.ts";
import { parseFlatKeyed, readNumber, readOptional } from "../files/flat-keyed.ts";
import type { CgroupStats } from "../port.ts";
import { readPressure } from "../readings/pressure.ts";

type Accounted = Pick<CgroupStats, "cpuUsageNs" | "memory" | "pids" | "oomKills">;
type Pressures = Pick<CgroupStats, "cpuPressure" | "memoryPressure" | "ioPressure">;

export function readV2Stats(files: CgroupFiles, directory: string): Accounted {
  const cpu = readOptional(files, `${directory}/cpu.stat`);
  const usageUs = cpu === undefined ? undefined : parseFlatKeyed(cpu).get("usage_usec");
  const events = readOptional(files, `${directory}/memory.events`);
  return {
    cpuUsageNs: usageUs === undefined ? undefined : usageUs * 1000n,
    memory: readMemory(files, directory),
    pids: readNumber(files, `${directory}/pids.current`),
    oomKills: events === undefined ? undefined : parseFlatKeyed(events).get("oom_kill"),
  };
}

/** Also of a hybrid host's v2 hierarchy, which holds no controller but feels every stall. */
export function readPressures(files: CgroupFiles, directory: string): Pressures {
  return {
    cpuPressure: readPressure(files, `${directory}/cpu.pressure`),
    memoryPressure: readPressure(files, `${directory}/memory.pressure`),
    ioPressure: readPressure(files, `${directory}/io.pressure`),
  };
}

/** The working set leaves out page cache the kernel would drop first, as the kubelet counts it for eviction. */
function readMemory(files: CgroupFiles, directory: string): CgroupStats["memory"] {
  const usage = readNumber(files, `${directory}/memory.current`);
  const text = readOptional(files, `${directory}/memory.stat`);
  if (usage === undefined || text === undefined) return undefined;
  const stat = parseFlatKeyed(text);
  const value = (key: string) => stat.get(key) ?? 0n;
  const inactive = value("inactive_file");
  return {
    usageBytes: usage,
    workingSetBytes: usage > inactive ? usage - inactive : 0n,
    rssBytes: value("anon"),
    pageFaults: value("pgfault"),
    majorPageFaults: value("pgmajfault"),
    limitBytes: readNumber(files, `${directory}/memory.max`),
    swapUsageBytes: readNumber(files, `${directory}/memory.swap.current`),
    swapLimitBytes: readNumber(files, `${directory}/memory.swap.max`),
  };
}
