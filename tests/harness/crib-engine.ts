import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CNI_BIN_DIRS, writeBridgeNetwork } from "./cni-config.ts";
import { Daemon } from "./daemon.ts";
import type { Engine, EngineNetwork, EngineOptions } from "./engine.ts";
import { type EnginePlace, openEnginePlace } from "./engine-place.ts";
import { removeAllPods } from "./remove-all-pods.ts";

/** The executable under test: what the build made, unless `CRIB_TEST_BINARY` names another. */
export function cribBinary(): string {
  return process.env.CRIB_TEST_BINARY ?? join(import.meta.dir, "../../dist/crib");
}

/** crib as an operator starts it: one executable, directories and sockets of its own. */
export function createCrib(options: EngineOptions): Engine {
  const binary = options.binary ?? cribBinary();
  if (!existsSync(binary)) throw new Error(`no executable at ${binary}: npm run build`);
  const network = options.network ?? "builtin";
  const place = openEnginePlace("crib", options.stateInMemory, options.rootDisk);
  const config = join(place.directory, "config.toml");
  writeFileSync(config, configuration(place, network, options));
  const daemon = new Daemon({
    name: "crib",
    command: [
      binary,
      "serve",
      "--config",
      config,
      "--root",
      place.root,
      "--state",
      place.state,
      "--listen",
      `unix://${place.socket}`,
    ],
    env: { PATH: process.env.PATH ?? "" },
    socket: place.socket,
    logFile: place.logFile,
  });
  return {
    kind: "crib",
    network,
    socket: place.socket,
    root: place.root,
    state: place.state,
    directory: place.directory,
    cgroupParent: place.cgroupParent,
    bridge: place.bridge,
    residueDirectories: [join(place.root, "containers"), place.state],
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
      // A daemon that is asked takes its bridge and rules with it; one that is killed may not.
      await daemon.signal("SIGTERM");
      place.clear();
    },
  };
}

function configuration(place: EnginePlace, network: EngineNetwork, options: EngineOptions): string {
  const emptyDir = join(place.directory, "no-cni");
  mkdirSync(emptyDir);
  const cniDir = network === "cni" ? writeBridgeNetwork(place.directory, place.bridge, place.subnet) : emptyDir;
  return [
    ...(options.seenByCadvisor === true ? ["[containerd_api]", 'sockets = "all"'] : []),
    "[cgroup]",
    `default_parent = "${place.cgroupParent}/default"`,
    "[cni]",
    `config_dir = "${cniDir}"`,
    `bin_dirs = ${JSON.stringify([join(place.directory, "cni-bin"), ...CNI_BIN_DIRS])}`,
    "[network]",
    `bridge = "${place.bridge}"`,
    `subnet = "${place.subnet}"`,
    "[registry]",
    `hosts_dirs = ["${options.registry.hostsDir}"]`,
    "[images]",
    `layer_store = "${options.layerStore ?? process.env["CRIB_TEST_LAYER_STORE"] ?? "auto"}"`,
    "[nri]",
    `socket = "${place.directory}/nri.sock"`,
    `config_dir = "${place.directory}/nri.d"`,
    "[cdi]",
    `spec_dirs = ["${place.directory}/cdi/etc", "${place.directory}/cdi/run"]`,
    "[runtime]",
    `seccomp_profile_root = "${place.directory}/seccomp"`,
    ...(options.runtime ?? []),
    ...otherRuntime(),
    "",
  ].join("\n");
}

/** `CRIB_TEST_OCI_RUNTIME` names the program that makes the containers of every test instead of crib's own runtime. */
function otherRuntime(): readonly string[] {
  const path = process.env["CRIB_TEST_OCI_RUNTIME"];
  if (path === undefined || path === "") return [];
  return ['default_handler = "other"', "[runtime.handlers.other]", 'type = "oci"', `path = "${path}"`];
}
