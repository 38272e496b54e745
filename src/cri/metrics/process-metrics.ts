import type { ContainerMetricsSample } from "../../pods/port.ts";
import { gauge, labelled, type Metric, wholeSeconds } from "./metric.ts";

export const processMetrics: readonly Metric<ContainerMetricsSample>[] = [
  gauge("container_processes", "Processes in the container", ({ processes }) => processes?.processes),
  gauge("container_threads", "Threads in the container", ({ cgroup }) => cgroup?.pids),
  gauge(
    "container_threads_max",
    "Threads the container may have; 0: no limit",
    ({ accounting }) => accounting && (accounting.pidsLimit ?? 0n),
  ),
  gauge(
    "container_file_descriptors",
    "File descriptors the container's processes hold open",
    ({ processes }) => processes?.fileDescriptors,
  ),
  gauge("container_sockets", "Sockets the container's processes hold open", ({ processes }) => processes?.sockets),
  labelled(
    "gauge",
    "container_ulimits_soft",
    "Soft limits of the container's first process",
    ["ulimit"],
    ({ processes }) => [[processes?.openFilesLimit, "max_open_files"]],
  ),
  gauge("container_start_time_seconds", "When the container was started, in seconds since the epoch", ({ container }) =>
    wholeSeconds(container.startedAtNs),
  ),
  gauge("container_last_seen", "When the container was last measured, in seconds since the epoch", ({ cgroup }) =>
    wholeSeconds(cgroup?.timestampNs),
  ),
];
