import { create } from "@bufbuild/protobuf";
import type { Metric as MetricMessage, PodSandboxMetrics } from "../../gen/runtime/v1/api_pb.ts";
import { MetricSchema, MetricType, PodSandboxMetricsSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { ContainerMetricsSample, SandboxMetricsSample } from "../../pods/port.ts";
import { containerMetrics } from "../metrics/every-metric.ts";
import type { Metric } from "../metrics/metric.ts";
import { networkMetrics } from "../metrics/network-metrics.ts";

const types = { counter: MetricType.COUNTER, gauge: MetricType.GAUGE } as const;

export function toPodSandboxMetrics(sample: SandboxMetricsSample, timestamp: bigint): PodSandboxMetrics {
  const interfaces = sample.interfaces.filter((stats) => stats.name !== "lo");
  const podLabels = podLabelValues(sample);
  return create(PodSandboxMetricsSchema, {
    podSandboxId: sample.sandbox.id,
    metrics: interfaces.flatMap((stats) => measure(networkMetrics, stats, podLabels, timestamp)),
    containerMetrics: sample.containers.map((container) => ({
      containerId: container.container.id,
      metrics: measure(
        containerMetrics,
        container,
        containerLabelValues(sample, container),
        container.cgroup?.timestampNs ?? timestamp,
      ),
    })),
  });
}

function measure<Sample>(
  metrics: readonly Metric<Sample>[],
  sample: Sample,
  common: readonly string[],
  timestamp: bigint,
): MetricMessage[] {
  return metrics.flatMap((metric) =>
    metric.measure(sample).map(({ labels, value }) =>
      create(MetricSchema, {
        name: metric.name,
        timestamp,
        metricType: types[metric.kind],
        labelValues: [...common, ...labels],
        ...(typeof value === "bigint"
          ? { value: { value } }
          : { value: { value: value.whole }, doubleValue: { value: value.exact } }),
      }),
    ),
  );
}

/** Values of `commonLabelKeys`. */
function containerLabelValues(sample: SandboxMetricsSample, { container }: ContainerMetricsSample): readonly string[] {
  const pod = sample.sandbox.config.metadata;
  return [
    container.config.metadata.name,
    container.cgroup,
    container.imageReference,
    container.id,
    pod?.namespace ?? "",
    pod?.name ?? "",
  ];
}

/** Network belongs to the pod: no container, no image. */
function podLabelValues({ sandbox }: SandboxMetricsSample): readonly string[] {
  const pod = sandbox.config.metadata;
  return ["", sandbox.cgroup, "", sandbox.id, pod?.namespace ?? "", pod?.name ?? ""];
}
