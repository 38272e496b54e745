import type { PressureStats } from "../../cgroups/port.ts";
import type { ContainerMetricsSample } from "../../pods/port.ts";
import { counter, type Fractional, type Metric, seconds } from "./metric.ts";

/** "waiting" is the kernel's "some": at least one task; "stalled" is its "full": all of them at once. */
export const pressureMetrics: readonly Metric<ContainerMetricsSample>[] = [
  ...pressure("cpu", "CPU", ({ cgroup }) => cgroup?.cpuPressure),
  ...pressure("memory", "memory", ({ cgroup }) => cgroup?.memoryPressure),
  ...pressure("io", "I/O", ({ cgroup }) => cgroup?.ioPressure),
];

function pressure(
  resource: string,
  title: string,
  read: (sample: ContainerMetricsSample) => PressureStats | undefined,
): readonly Metric<ContainerMetricsSample>[] {
  return [
    counter(
      `container_pressure_${resource}_waiting_seconds_total`,
      `Time in which some task of the container waited for ${title}, in seconds`,
      (sample) => stalled(read(sample)?.some),
    ),
    counter(
      `container_pressure_${resource}_stalled_seconds_total`,
      `Time in which all tasks of the container waited for ${title}, in seconds`,
      (sample) => stalled(read(sample)?.full),
    ),
  ];
}

function stalled(line: PressureStats["some"] | undefined): Fractional | undefined {
  return line === undefined ? undefined : seconds(line.totalUs * 1000n);
}
