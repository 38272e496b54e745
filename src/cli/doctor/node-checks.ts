import type { DoctorHost } from "../program/cli-io.ts";
import { type Check, type Finding, ok, warn } from "./check.ts";

/** Certificates of registries are refused by a clock that is this far in the past. */
const oldestPlausibleYear = 2025;

export const nodeChecks: readonly Check[] = [cribSocket, containerdSocket, swap];

async function cribSocket(host: DoctorHost, { state }: { readonly state: string }): Promise<Finding> {
  const socket = `${state}/crib.sock`;
  return (await host.answers(socket))
    ? ok("node", "crib", `answers on ${socket}`)
    : ok("node", "crib", `not running (${socket})`);
}

async function containerdSocket(host: DoctorHost): Promise<Finding> {
  const socket = "/run/containerd/containerd.sock";
  if (!host.exists(socket)) return ok("node", "containerd", "not here");
  return (await host.answers(socket))
    ? warn(
        "node",
        "containerd",
        `somebody answers on ${socket}`,
        "works beside crib; in its place: drain the node, systemctl disable --now containerd, crib install --replace-containerd",
      )
    : warn(
        "node",
        "containerd",
        `${socket} is left over, nobody answers`,
        "remove it, or let crib serve it: crib install --replace-containerd",
      );
}

function swap(host: DoctorHost): Finding {
  const devices = (host.readText("/proc/swaps") ?? "").trim().split("\n").slice(1);
  return devices.length === 0
    ? ok("node", "swap", "none")
    : warn(
        "node",
        "swap",
        `${devices.length} in use`,
        "the kubelet refuses to start with swap unless failSwapOn is false",
      );
}

/** Reads the moment from its caller: checks have no clock of their own. */
export function clockCheck(now: Date): Check {
  return () =>
    now.getUTCFullYear() >= oldestPlausibleYear
      ? ok("node", "clock", now.toISOString())
      : warn("node", "clock", now.toISOString(), "registries' certificates will be refused: set the clock");
}
