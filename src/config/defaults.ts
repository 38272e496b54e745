import { parseHostPath } from "../ids/path.ts";
import type { Config } from "./config.ts";
import { nativeHandler } from "./runtime-handler.ts";

/** What holds where neither a file nor a flag says otherwise. */
export const defaultConfig: Config = deepFreeze({
  root: parseHostPath("/var/lib/crib"),
  state: parseHostPath("/run/crib"),
  listen: [parseHostPath("/run/crib/crib.sock")],
  containerdApi: "auto",
  log: { level: "info", format: "text" },
  cgroup: { driver: "cgroupfs", defaultParent: "/crib" },
  cni: {
    configDir: parseHostPath("/etc/cni/net.d"),
    binDirs: [parseHostPath("/opt/cni/bin"), parseHostPath("/usr/lib/cni")],
    pluginTimeoutMs: 60_000,
  },
  network: { bridge: "crib0", subnet: undefined, mtu: 0, antiSpoofing: true },
  registry: {
    hostsDirs: [parseHostPath("/etc/crib/certs.d"), parseHostPath("/etc/containerd/certs.d")],
    dockerConfig: parseHostPath("/root/.docker/config.json"),
    maxConcurrentDownloads: 6,
    maxConcurrentDownloadsPerRegistry: 6,
    stallTimeoutMs: 30_000,
  },
  images: { pinned: [], layerStore: "auto", checkIntervalMs: 7 * 24 * 3_600_000, trustPolicy: undefined },
  cdi: { specDirs: [parseHostPath("/etc/cdi"), parseHostPath("/var/run/cdi")] },
  nri: {
    socket: undefined,
    configDir: parseHostPath("/etc/nri/conf.d"),
    registrationTimeoutMs: 5_000,
    requestTimeoutMs: 2_000,
  },
  runtime: {
    defaultHandler: "crib",
    handlers: { crib: nativeHandler },
    seccompProfileRoot: parseHostPath("/var/lib/kubelet/seccomp"),
    apparmorDefaultProfile: true,
    imageVolumes: "copy",
    execOutputLimitBytes: 16 * 1024 * 1024,
    renewMonitors: false,
  },
  streaming: { address: "127.0.0.1", port: 0, tls: undefined, idleTimeoutMs: 4 * 60 * 60 * 1000 },
});

/** Freezes a tree of plain objects and arrays. */
export function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === "object" && member !== null) deepFreeze(member);
  return Object.freeze(value);
}
