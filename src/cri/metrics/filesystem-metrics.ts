import type { ContainerMetricsSample } from "../../pods/port.ts";
import { labelled, type Metric, type MetricKind } from "./metric.ts";

type Io = NonNullable<NonNullable<ContainerMetricsSample["accounting"]>["io"]>[number];

export const filesystemMetrics: readonly Metric<ContainerMetricsSample>[] = [
  ofFilesystem(
    "container_fs_usage_bytes",
    "Bytes the writable layer uses",
    (sample) => sample.writableLayer?.usedBytes,
  ),
  ofFilesystem(
    "container_fs_limit_bytes",
    "Size of the filesystem that holds the writable layer",
    (sample) => sample.filesystem?.totalBytes,
  ),
  ofFilesystem(
    "container_fs_inodes_total",
    "Inodes of the filesystem that holds the writable layer",
    (sample) => sample.filesystem?.totalInodes,
  ),
  ofFilesystem(
    "container_fs_inodes_free",
    "Free inodes of the filesystem that holds the writable layer",
    (sample) => sample.filesystem?.freeInodes,
  ),
  ofDevice("container_fs_reads_bytes_total", "Bytes read from the device", ({ readBytes }) => readBytes),
  ofDevice("container_fs_reads_total", "Reads the device has completed", ({ reads }) => reads),
  ofDevice("container_fs_writes_bytes_total", "Bytes written to the device", ({ writtenBytes }) => writtenBytes),
  ofDevice("container_fs_writes_total", "Writes the device has completed", ({ writes }) => writes),
  labelled(
    "counter",
    "container_blkio_device_usage_total",
    "Bytes moved to and from the device",
    ["device", "major", "minor", "operation"],
    ({ accounting }) =>
      (accounting?.io ?? []).flatMap(({ device, deviceName, readBytes, writtenBytes }) => {
        const [major = "", minor = ""] = device.split(":");
        return [
          [readBytes, deviceName, major, minor, "Read"] as const,
          [writtenBytes, deviceName, major, minor, "Write"] as const,
        ];
      }),
  ),
];

function ofFilesystem(
  name: string,
  help: string,
  read: (sample: ContainerMetricsSample) => bigint | undefined,
  kind: MetricKind = "gauge",
): Metric<ContainerMetricsSample> {
  return labelled(kind, name, help, ["device"], (sample) => {
    const value = read(sample);
    return value === undefined || sample.filesystem === undefined ? [] : [[value, sample.filesystem.device]];
  });
}

function ofDevice(name: string, help: string, read: (io: Io) => bigint): Metric<ContainerMetricsSample> {
  return labelled("counter", name, help, ["device"], ({ accounting, filesystem }) => {
    const io = accounting?.io;
    // The kernel lists a device once it was used. A container that has done no I/O yet has done none on its own filesystem.
    if (io?.length === 0) return filesystem === undefined ? [] : [[0n, filesystem.device]];
    return (io ?? []).map((each) => [read(each), each.deviceName]);
  });
}
