import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CNI_BIN_DIRS, writeBridgeNetwork } from "./cni-config.ts";
import { Daemon } from "./daemon.ts";
import type { Engine, EngineOptions } from "./engine.ts";
import { type EnginePlace, openEnginePlace } from "./engine-place.ts";
import { removeAllPods } from "./remove-all-pods.ts";

/** The reference: Debian's containerd with its CRI plugin, runc, overlayfs and CNI plugins. */
export function createContainerd(options: EngineOptions): Engine {
  const binary = Bun.which("containerd");
  if (binary === null) throw new Error("containerd is not on PATH: apt-get install containerd");
  const place = openEnginePlace("containerd", options.stateInMemory);
  const config = join(place.directory, "config.toml");
  writeFileSync(config, configuration(place, options));
  const daemon = new Daemon({
    name: "containerd",
    command: [binary, "--config", config],
    env: { PATH: process.env.PATH ?? "" },
    socket: place.socket,
    logFile: place.logFile,
  });
  return {
    kind: "containerd",
    network: "cni",
    socket: place.socket,
    root: place.root,
    state: place.state,
    directory: place.directory,
    cgroupParent: place.cgroupParent,
    bridge: place.bridge,
    residueDirectories: [
      join(place.root, "io.containerd.grpc.v1.cri"),
      join(place.state, "io.containerd.grpc.v1.cri"),
      join(place.state, "io.containerd.runtime.v2.task"),
      join(place.state, "netns"),
    ],
    get pid() {
      return daemon.pid;
    },
    get running() {
      return daemon.running;
    },
    get cri() {
      return daemon.client;
    },
    start: () => daemon.start(),
    stop: () => daemon.signal("SIGTERM"),
    kill9: () => daemon.signal("SIGKILL"),
    async restart() {
      await daemon.signal("SIGTERM");
      await daemon.start();
    },
    logTail: (lines = 40) => daemon.logTail(lines),
    async destroy() {
      if (daemon.running) await removeAllPods(daemon.client);
      await daemon.signal("SIGKILL");
      place.clear();
    },
  };
}

function configuration(place: EnginePlace, options: EngineOptions): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const cniDir = writeBridgeNetwork(place.directory, place.bridge, place.subnet);
  const binDir = CNI_BIN_DIRS.find((path) => Bun.which("bridge", { PATH: path }) !== null);
  if (binDir === undefined) throw new Error("no CNI plugins: apt-get install containernetworking-plugins");
  return [
    "version = 2",
    `root = "${place.root}"`,
    `state = "${place.state}"`,
    "[grpc]",
    `address = "${place.socket}"`,
    '[plugins."io.containerd.internal.v1.opt"]',
    `path = "${place.directory}/opt"`,
    `[${cri}]`,
    `sandbox_image = "${options.registry.reference("pause")}"`,
    // Without CAP_SYS_RESOURCE a score cannot be lowered; containerd then needs to be told not to try.
    "restrict_oom_score_adj = true",
    "netns_mounts_under_state_dir = true",
    "disable_tcp_service = true",
    'stream_server_port = "0"',
    `[${cri}.cni]`,
    `bin_dir = "${binDir}"`,
    `conf_dir = "${cniDir}"`,
    `[${cri}.registry]`,
    `config_path = "${options.registry.hostsDir}"`,
    `[${cri}.containerd.runtimes.runc]`,
    'runtime_type = "io.containerd.runc.v2"',
    `[${cri}.containerd.runtimes.runc.options]`,
    `Root = "${place.directory}/runc"`,
    "",
  ].join("\n");
}
