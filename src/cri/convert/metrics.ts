import { create } from "@bufbuild/protobuf";
import type { Metric, PodSandboxMetrics } from "../../gen/runtime/v1/api_pb.ts";
import { MetricSchema, MetricType, PodSandboxMetricsSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { SandboxStatsSample } from "../../pods/port.ts";
import { containerLabels, containerMetrics, interfaceLabels, interfaceMetrics } from "../metrics/pod-metrics.ts";

const types = { counter: MetricType.COUNTER, gauge: MetricType.GAUGE } as const;

export function toPodSandboxMetrics(sample: SandboxStatsSample, timestamp: bigint): PodSandboxMetrics {
  const interfaces = sample.interfaces.filter((stats) => stats.name !== "lo");
  return create(PodSandboxMetricsSchema, {
    podSandboxId: sample.sandbox.id,
    metrics: interfaces.flatMap((stats) => measure(interfaceMetrics, stats, interfaceLabels(sample, stats), timestamp)),
    containerMetrics: sample.containers.map((container) => ({
      containerId: container.container.id,
      metrics: measure(containerMetrics, container, containerLabels(sample, container), timestamp),
    })),
  });
}

function measure<Sample>(
  metrics: readonly {
    readonly name: string;
    readonly type: "counter" | "gauge";
    readonly value: (sample: Sample) => bigint | undefined;
  }[],
  sample: Sample,
  labelValues: readonly string[],
  timestamp: bigint,
): Metric[] {
  return metrics.flatMap(({ name, type, value }) => {
    const measured = value(sample);
    if (measured === undefined) return [];
    return [
      create(MetricSchema, {
        name,
        timestamp,
        metricType: types[type],
        labelValues: [...labelValues],
        value: { value: measured },
      }),
    ];
  });
}
