import type { CgroupFiles } from "../files/cgroup-files.ts";
import { parseFlatKeyed, readNumber, readOptional } from "../files/flat-keyed.ts";
import type { CgroupAccounting, DeviceIo } from "../port.ts";

/** Counters of a v2 group (kernel Documentation/admin-guide/cgroup-v2.rst). */
export function readV2Accounting(files: CgroupFiles, directory: string): Omit<CgroupAccounting, "hugepages"> {
  const keyed = (file: string) => parseFlatKeyed(readOptional(files, `${directory}/${file}`) ?? "");
  const cpu = keyed("cpu.stat");
  return {
    cpu: {
      userNs: microseconds(cpu.get("user_usec")),
      systemNs: microseconds(cpu.get("system_usec")),
      periods: cpu.get("nr_periods"),
      throttledPeriods: cpu.get("nr_throttled"),
      throttledNs: microseconds(cpu.get("throttled_usec")),
    },
    memory: memoryOf(
      keyed("memory.stat"),
      keyed("memory.events").get("max"),
      readNumber(files, `${directory}/memory.peak`),
    ),
    io: parseIoStat(readOptional(files, `${directory}/io.stat`)),
    pidsLimit: readNumber(files, `${directory}/pids.max`),
  };
}

function memoryOf(
  stat: ReadonlyMap<string, bigint>,
  limitHits: bigint | undefined,
  peakBytes: bigint | undefined,
): CgroupAccounting["memory"] {
  return {
    cacheBytes: stat.get("file"),
    mappedFileBytes: stat.get("file_mapped"),
    activeFileBytes: stat.get("active_file"),
    inactiveFileBytes: stat.get("inactive_file"),
    kernelBytes: stat.get("kernel") ?? kernelParts(stat),
    peakBytes,
    limitHits,
    ownPageFaults: stat.get("pgfault"),
    ownMajorPageFaults: stat.get("pgmajfault"),
  };
}

/** "kernel" came with Linux 5.18; before it only its parts were told. */
function kernelParts(stat: ReadonlyMap<string, bigint>): bigint | undefined {
  const parts = ["kernel_stack", "pagetables", "percpu", "slab", "vmalloc"].flatMap((key) => stat.get(key) ?? []);
  return parts.length === 0 ? undefined : parts.reduce((sum, part) => sum + part, 0n);
}

/** `8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0`; a device without I/O has no pairs. */
function parseIoStat(text: string | undefined): readonly DeviceIo[] | undefined {
  return text?.split("\n").flatMap((line) => {
    const [device = "", ...pairs] = line.trimEnd().split(" ");
    if (!/^\d+:\d+$/.test(device) || pairs.length === 0) return [];
    const values = new Map(pairs.map((pair) => pair.split("=", 2) as [string, string]));
    const value = (key: string) => BigInt(values.get(key) ?? 0);
    return [
      {
        device,
        readBytes: value("rbytes"),
        writtenBytes: value("wbytes"),
        reads: value("rios"),
        writes: value("wios"),
      },
    ];
  });
}

function microseconds(value: bigint | undefined): bigint | undefined {
  return value === undefined ? undefined : value * 1000n;
}
