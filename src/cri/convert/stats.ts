import { create } from "@bufbuild/protobuf";
import type { CgroupStats, PressureStats } from "../../cgroups/port.ts";
import type {
  ContainerStats,
  CpuUsage,
  IoUsage,
  MemoryUsage,
  PodSandboxStats,
  PsiStats,
} from "../../gen/runtime/v1/api_pb.ts";
import {
  ContainerStatsSchema,
  CpuUsageSchema,
  IoUsageSchema,
  MemoryUsageSchema,
  PodSandboxStatsSchema,
  PsiStatsSchema,
} from "../../gen/runtime/v1/api_pb.ts";
import type { InterfaceStats } from "../../network/port.ts";
import type { ContainerStatsSample, SandboxStatsSample } from "../../pods/port.ts";

/** What is not measured is left out, never sent as zero: the kubelet tells the two apart. */
function optional<Key extends string>(key: Key, value: bigint | undefined): Partial<Record<Key, { value: bigint }>> {
  return value === undefined ? {} : ({ [key]: { value } } as Record<Key, { value: bigint }>);
}

function toPsi(pressure: PressureStats): PsiStats {
  const data = (line: PressureStats["some"]) => ({
    // The API counts nanoseconds, the kernel's file microseconds.
    Total: line.totalUs * 1000n,
    Avg10: line.avg10,
    Avg60: line.avg60,
    Avg300: line.avg300,
  });
  return create(PsiStatsSchema, { Full: data(pressure.full), Some: data(pressure.some) });
}

function toCpu(cgroup: CgroupStats, usageNanoCores: bigint | undefined): CpuUsage {
  return create(CpuUsageSchema, {
    timestamp: cgroup.timestampNs,
    ...optional("usageCoreNanoSeconds", cgroup.cpuUsageNs),
    ...optional("usageNanoCores", usageNanoCores),
    ...(cgroup.cpuPressure === undefined ? {} : { psi: toPsi(cgroup.cpuPressure) }),
  });
}

function toMemory(cgroup: CgroupStats): MemoryUsage | undefined {
  const { memory } = cgroup;
  if (memory === undefined) return undefined;
  const available = memory.limitBytes === undefined ? undefined : memory.limitBytes - memory.workingSetBytes;
  return create(MemoryUsageSchema, {
    timestamp: cgroup.timestampNs,
    workingSetBytes: { value: memory.workingSetBytes },
    ...optional("availableBytes", available !== undefined && available < 0n ? 0n : available),
    usageBytes: { value: memory.usageBytes },
    rssBytes: { value: memory.rssBytes },
    pageFaults: { value: memory.pageFaults },
    majorPageFaults: { value: memory.majorPageFaults },
    ...(cgroup.memoryPressure === undefined ? {} : { psi: toPsi(cgroup.memoryPressure) }),
  });
}

function toSwap(cgroup: CgroupStats) {
  const used = cgroup.memory?.swapUsageBytes;
  if (used === undefined) return undefined;
  const limit = cgroup.memory?.swapLimitBytes;
  return {
    timestamp: cgroup.timestampNs,
    swapUsageBytes: { value: used },
    ...optional("swapAvailableBytes", limit === undefined ? undefined : limit > used ? limit - used : 0n),
  };
}

function toIo(cgroup: CgroupStats): IoUsage | undefined {
  if (cgroup.ioPressure === undefined) return undefined;
  return create(IoUsageSchema, { timestamp: cgroup.timestampNs, psi: toPsi(cgroup.ioPressure) });
}

/** Drops absent members: a message initialiser may not hold `undefined`. */
function present<T extends object>(fields: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

export function toContainerStats(sample: ContainerStatsSample): ContainerStats {
  const { container, cgroup, writableLayer } = sample;
  return create(ContainerStatsSchema, {
    attributes: present({
      id: container.id,
      metadata: container.config.metadata,
      labels: { ...container.config.labels },
      annotations: { ...container.config.annotations },
    }),
    ...(cgroup === undefined
      ? {}
      : present({
          cpu: toCpu(cgroup, sample.usageNanoCores),
          memory: toMemory(cgroup),
          swap: toSwap(cgroup),
          io: toIo(cgroup),
        })),
    ...(writableLayer === undefined
      ? {}
      : {
          writableLayer: {
            timestamp: writableLayer.timestampNs,
            fsId: { mountpoint: writableLayer.mountpoint },
            usedBytes: { value: writableLayer.usedBytes },
            inodesUsed: { value: writableLayer.inodesUsed },
          },
        }),
  });
}

function toInterface(stats: InterfaceStats) {
  return {
    name: stats.name,
    rxBytes: { value: stats.rxBytes },
    rxErrors: { value: stats.rxErrors },
    txBytes: { value: stats.txBytes },
    txErrors: { value: stats.txErrors },
  };
}

export function toPodSandboxStats(sample: SandboxStatsSample, timestamp: bigint): PodSandboxStats {
  const { sandbox, cgroup, interfaces } = sample;
  const [primary, ...others] = interfaces.filter((stats) => stats.name !== "lo").map(toInterface);
  return create(PodSandboxStatsSchema, {
    attributes: present({
      id: sandbox.id,
      metadata: sandbox.config.metadata,
      labels: { ...sandbox.config.labels },
      annotations: { ...sandbox.config.annotations },
    }),
    linux: {
      ...(cgroup === undefined
        ? {}
        : present({
            cpu: toCpu(cgroup, sample.usageNanoCores),
            memory: toMemory(cgroup),
            io: toIo(cgroup),
            process:
              cgroup.pids === undefined
                ? undefined
                : { timestamp: cgroup.timestampNs, processCount: { value: cgroup.pids } },
          })),
      ...(primary === undefined ? {} : { network: { timestamp, defaultInterface: primary, interfaces: others } }),
      containers: sample.containers.map(toContainerStats),
    },
  });
}
