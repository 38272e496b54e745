import type { InterfaceStats } from "../../network/port.ts";
import { labelled, type Metric } from "./metric.ts";

export const networkMetrics: readonly Metric<InterfaceStats>[] = [
  ofInterface("receive_bytes", "Bytes the pod received", ({ rxBytes }) => rxBytes),
  ofInterface("receive_packets", "Packets the pod received", ({ rxPackets }) => rxPackets),
  ofInterface("receive_packets_dropped", "Received packets that were dropped", ({ rxDropped }) => rxDropped),
  ofInterface("receive_errors", "Errors while receiving", ({ rxErrors }) => rxErrors),
  ofInterface("transmit_bytes", "Bytes the pod sent", ({ txBytes }) => txBytes),
  ofInterface("transmit_packets", "Packets the pod sent", ({ txPackets }) => txPackets),
  ofInterface("transmit_packets_dropped", "Packets dropped instead of sent", ({ txDropped }) => txDropped),
  ofInterface("transmit_errors", "Errors while sending", ({ txErrors }) => txErrors),
];

function ofInterface(what: string, help: string, read: (stats: InterfaceStats) => bigint): Metric<InterfaceStats> {
  return labelled("counter", `container_network_${what}_total`, help, ["interface"], (stats) => [
    [read(stats), stats.name],
  ]);
}
