import type { ContainerMetricsSample } from "../../pods/port.ts";
import { cpuMetrics } from "./cpu-metrics.ts";
import { filesystemMetrics } from "./filesystem-metrics.ts";
import { memoryMetrics } from "./memory-metrics.ts";
import type { Metric } from "./metric.ts";
import { networkMetrics } from "./network-metrics.ts";
import { pressureMetrics } from "./pressure-metrics.ts";
import { processMetrics } from "./process-metrics.ts";
import { specMetrics } from "./spec-metrics.ts";

/** Measured on each container. Names are cAdvisor's, because dashboards and alerts are written for those. */
export const containerMetrics: readonly Metric<ContainerMetricsSample>[] = [
  ...cpuMetrics,
  ...memoryMetrics,
  ...filesystemMetrics,
  ...processMetrics,
  ...pressureMetrics,
  ...specMetrics,
];

export interface MetricDescription {
  readonly name: string;
  readonly help: string;
  readonly labelKeys: readonly string[];
}

/** Labels of every metric, in this order; a metric's own follow. As the kubelet's cAdvisor endpoint has them. */
export const commonLabelKeys = ["container", "id", "image", "name", "namespace", "pod"] as const;

/** Everything that may be sent: the kubelet drops a sample whose metric was not described. */
export const metricDescriptions: readonly MetricDescription[] = [...containerMetrics, ...networkMetrics].map(
  ({ name, help, labelKeys }) => ({ name, help, labelKeys: [...commonLabelKeys, ...labelKeys] }),
);
