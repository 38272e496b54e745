import { writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { CNI_BIN_DIRS, writeBridgeNetwork } from "./cni-config.ts";
import { Daemon } from "./daemon.ts";
import type { Engine, EngineOptions, Snapshotter } from "./engine.ts";
import { type EnginePlace, openEnginePlace } from "./engine-place.ts";
import { removeAllPods } from "./remove-all-pods.ts";

/** The reference: containerd with its CRI plugin, runc, overlayfs and CNI plugins; Debian's, or the one that tests/peers builds. */
export function createContainerd(options: EngineOptions): Engine {
  const path = [options.peers, process.env.PATH].filter((part) => part !== undefined).join(delimiter);
  const binary = Bun.which("containerd", { PATH: path });
  if (binary === null) throw new Error("containerd is not on PATH: apt-get install containerd");
  const place = openEnginePlace("containerd", options.stateInMemory);
  const config = join(place.directory, "config.toml");
  const cniDir = writeBridgeNetwork(place.directory, place.bridge, place.subnet);
  const write = options.peers === undefined ? debianConfiguration : currentConfiguration;
  writeFileSync(config, write(place, options, cniDir, cniPlugins()).join("\n"));
  const daemon = new Daemon({
    name: "containerd",
    command: [binary, "--config", config],
    env: { PATH: path },
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

function cniPlugins(): string {
  const binDir = CNI_BIN_DIRS.find((path) => Bun.which("bridge", { PATH: path }) !== null);
  if (binDir === undefined) throw new Error("no CNI plugins: apt-get install containernetworking-plugins");
  return binDir;
}

type WriteConfiguration = (
  place: EnginePlace,
  options: EngineOptions,
  cniDir: string,
  binDir: string,
) => readonly string[];

/** containerd 2.4: the CRI plugin is three, with its own names for the same settings. */
const currentConfiguration: WriteConfiguration = (place, options, cniDir, binDir) => {
  const runtime = 'plugins."io.containerd.cri.v1.runtime"';
  const images = 'plugins."io.containerd.cri.v1.images"';
  return [
    "version = 3",
    `root = "${place.root}"`,
    `state = "${place.state}"`,
    "[grpc]",
    `address = "${place.socket}"`,
    "[ttrpc]",
    `address = "${place.socket}.ttrpc"`,
    '[plugins."io.containerd.internal.v1.opt"]',
    `path = "${place.directory}/opt"`,
    // A socket of the whole host: two engines side by side would fight for it.
    '[plugins."io.containerd.nri.v1.nri"]',
    "disable = true",
    `[${images}.pinned_images]`,
    `sandbox = "${options.registry.reference("pause")}"`,
    `[${images}.registry]`,
    `config_path = "${options.registry.hostsDir}"`,
    `[${runtime}]`,
    // Without CAP_SYS_RESOURCE a score cannot be lowered; containerd then needs to be told not to try.
    "restrict_oom_score_adj = true",
    "netns_mounts_under_state_dir = true",
    // Without it an exec whose output something in the background keeps open never ends.
    'drain_exec_sync_io_timeout = "10s"',
    `[${runtime}.cni]`,
    `bin_dirs = ["${binDir}"]`,
    `conf_dir = "${cniDir}"`,
    `[${runtime}.containerd.runtimes.runc]`,
    'runtime_type = "io.containerd.runc.v2"',
    `[${runtime}.containerd.runtimes.runc.options]`,
    `Root = "${place.directory}/runc"`,
    '[plugins."io.containerd.grpc.v1.cri"]',
    "disable_tcp_service = true",
    'stream_server_port = "0"',
    ...(options.snapshotter === undefined ? [] : fastestPull(options.snapshotter)),
    "",
  ];
};

/** Parallel downloads, unpacks and ranges of a layer, and the snapshotter's own way to unpack. */
function fastestPull(snapshotter: Snapshotter): readonly string[] {
  const platform = `linux/${process.arch === "arm64" ? "arm64" : "amd64"}`;
  return [
    '[plugins."io.containerd.cri.v1.images"]',
    `snapshotter = "${snapshotter}"`,
    '[plugins."io.containerd.transfer.v1.local"]',
    "max_concurrent_downloads = 6",
    "max_concurrent_unpacks = 4",
    `concurrent_layer_fetch_buffer = ${8 * 1024 * 1024}`,
    '[[plugins."io.containerd.transfer.v1.local".unpack_config]]',
    `platform = "${platform}"`,
    `snapshotter = "${snapshotter}"`,
    `differ = "${snapshotter === "erofs" ? "erofs" : "walking"}"`,
    ...(snapshotter === "erofs"
      ? [
          '[plugins."io.containerd.differ.v1.erofs"]',
          'mkfs_options = ["-T0", "--mkfs-time", "--sort=none"]',
          '[plugins."io.containerd.service.v1.diff-service"]',
          'default = ["erofs", "walking"]',
        ]
      : []),
  ];
}

const debianConfiguration: WriteConfiguration = (place, options, cniDir, binDir) => {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
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
  ];
};
