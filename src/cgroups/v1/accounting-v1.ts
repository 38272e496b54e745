import type { CgroupFiles } from "../files/cgroup-files.ts";
import { parseFlatKeyed, readNumber, readOptional } from "../files/flat-keyed.ts";
import type { CgroupAccounting, DeviceIo } from "../port.ts";

/** Counters of a v1 group; `directoryOf` gives its directory in the hierarchy of a controller. */
export function readV1Accounting(
  files: CgroupFiles,
  directoryOf: (controller: string) => string | undefined,
): Omit<CgroupAccounting, "hugepages"> {
  const number = (controller: string, file: string) => {
    const directory = directoryOf(controller);
    return directory === undefined ? undefined : readNumber(files, `${directory}/${file}`);
  };
  const text = (controller: string, file: string) => {
    const directory = directoryOf(controller);
    return directory === undefined ? undefined : readOptional(files, `${directory}/${file}`);
  };
  const cpu = parseFlatKeyed(text("cpu", "cpu.stat") ?? "");
  const memory = parseFlatKeyed(text("memory", "memory.stat") ?? "");
  return {
    cpu: {
      userNs: number("cpuacct", "cpuacct.usage_user"),
      systemNs: number("cpuacct", "cpuacct.usage_sys"),
      periods: cpu.get("nr_periods"),
      throttledPeriods: cpu.get("nr_throttled"),
      throttledNs: cpu.get("throttled_time"),
    },
    memory: {
      cacheBytes: memory.get("total_cache"),
      mappedFileBytes: memory.get("total_mapped_file"),
      activeFileBytes: memory.get("total_active_file"),
      inactiveFileBytes: memory.get("total_inactive_file"),
      kernelBytes: number("memory", "memory.kmem.usage_in_bytes"),
      peakBytes: number("memory", "memory.max_usage_in_bytes"),
      limitHits: number("memory", "memory.failcnt"),
      ownPageFaults: memory.get("pgfault"),
      ownMajorPageFaults: memory.get("pgmajfault"),
    },
    io: ioOf(
      text("blkio", "blkio.throttle.io_service_bytes_recursive"),
      text("blkio", "blkio.throttle.io_serviced_recursive"),
    ),
    pidsLimit: number("pids", "pids.max"),
  };
}

type Operations = ReadonlyMap<string, ReadonlyMap<string, bigint>>;

/** `8:0 Read 4096` lines, a `8:0 Total …` for each device and a last `Total …` for all. */
function parseOperations(text: string): Operations {
  const devices = new Map<string, Map<string, bigint>>();
  for (const line of text.split("\n")) {
    const [device = "", operation = "", value = ""] = line.split(" ");
    if (!/^\d+:\d+$/.test(device) || !/^\d+$/.test(value)) continue;
    const operations = devices.get(device) ?? new Map<string, bigint>();
    devices.set(device, operations.set(operation, BigInt(value)));
  }
  return devices;
}

function ioOf(bytesText: string | undefined, countsText: string | undefined): readonly DeviceIo[] | undefined {
  if (bytesText === undefined) return undefined;
  const bytes = parseOperations(bytesText);
  const counts = parseOperations(countsText ?? "");
  return [...bytes].map(([device, operations]) => ({
    device,
    readBytes: operations.get("Read") ?? 0n,
    writtenBytes: operations.get("Write") ?? 0n,
    reads: counts.get(device)?.get("Read") ?? 0n,
    writes: counts.get(device)?.get("Write") ?? 0n,
  }));
}
