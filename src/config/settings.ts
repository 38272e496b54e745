import { isDeepStrictEqual } from "node:util";
import type { Config } from "./config.ts";

/**
 * Who takes a changed setting over while the daemon runs. `reader`: who uses it reads it each time, so nobody has to be told.
 * `restart`: it is too deep in what is there (directories, sockets, groups of running pods), and waits for the next start.
 */
export type SettingTaker = "reader" | "log" | "images" | "handlers" | "plugins" | "restart";

/** One key of the configuration file. */
export interface Setting {
  /** As it is written: "registry.hosts_dirs". */
  readonly key: string;
  /** Where a Config has it. */
  readonly path: readonly [keyof Config, ...string[]];
  readonly takenBy: SettingTaker;
}

/** Every key, so that a new one has to say what becomes of it when the configuration is read again. */
export const settings: readonly Setting[] = [
  { key: "root", path: ["root"], takenBy: "restart" },
  { key: "state", path: ["state"], takenBy: "restart" },
  { key: "listen", path: ["listen"], takenBy: "restart" },
  { key: "containerd_api.sockets", path: ["containerdApi"], takenBy: "restart" },
  { key: "log.level", path: ["log", "level"], takenBy: "log" },
  { key: "log.format", path: ["log", "format"], takenBy: "restart" },
  { key: "cgroup.driver", path: ["cgroup", "driver"], takenBy: "restart" },
  { key: "cgroup.default_parent", path: ["cgroup", "defaultParent"], takenBy: "restart" },
  { key: "cni.config_dir", path: ["cni", "configDir"], takenBy: "reader" },
  { key: "cni.bin_dirs", path: ["cni", "binDirs"], takenBy: "reader" },
  { key: "cni.plugin_timeout_seconds", path: ["cni", "pluginTimeoutMs"], takenBy: "reader" },
  { key: "network.bridge", path: ["network", "bridge"], takenBy: "restart" },
  { key: "network.subnet", path: ["network", "subnet"], takenBy: "restart" },
  { key: "network.mtu", path: ["network", "mtu"], takenBy: "restart" },
  { key: "network.anti_spoofing", path: ["network", "antiSpoofing"], takenBy: "restart" },
  { key: "registry.hosts_dirs", path: ["registry", "hostsDirs"], takenBy: "reader" },
  { key: "registry.docker_config", path: ["registry", "dockerConfig"], takenBy: "reader" },
  { key: "registry.max_concurrent_downloads", path: ["registry", "maxConcurrentDownloads"], takenBy: "images" },
  {
    key: "registry.max_concurrent_downloads_per_registry",
    path: ["registry", "maxConcurrentDownloadsPerRegistry"],
    takenBy: "images",
  },
  { key: "registry.stall_timeout_seconds", path: ["registry", "stallTimeoutMs"], takenBy: "reader" },
  { key: "images.pinned", path: ["images", "pinned"], takenBy: "images" },
  { key: "images.layer_store", path: ["images", "layerStore"], takenBy: "reader" },
  { key: "images.check_interval_hours", path: ["images", "checkIntervalMs"], takenBy: "reader" },
  { key: "images.trust_policy", path: ["images", "trustPolicy"], takenBy: "reader" },
  { key: "cdi.spec_dirs", path: ["cdi", "specDirs"], takenBy: "reader" },
  { key: "nri.socket", path: ["nri", "socket"], takenBy: "plugins" },
  { key: "nri.config_dir", path: ["nri", "configDir"], takenBy: "reader" },
  { key: "nri.registration_timeout_seconds", path: ["nri", "registrationTimeoutMs"], takenBy: "reader" },
  { key: "nri.request_timeout_seconds", path: ["nri", "requestTimeoutMs"], takenBy: "reader" },
  { key: "runtime.default_handler", path: ["runtime", "defaultHandler"], takenBy: "handlers" },
  { key: "runtime.handlers", path: ["runtime", "handlers"], takenBy: "handlers" },
  { key: "runtime.seccomp_profile_root", path: ["runtime", "seccompProfileRoot"], takenBy: "reader" },
  { key: "runtime.apparmor_default_profile", path: ["runtime", "apparmorDefaultProfile"], takenBy: "reader" },
  { key: "runtime.image_volumes", path: ["runtime", "imageVolumes"], takenBy: "reader" },
  { key: "runtime.exec_output_limit_bytes", path: ["runtime", "execOutputLimitBytes"], takenBy: "reader" },
  { key: "runtime.renew_monitors", path: ["runtime", "renewMonitors"], takenBy: "restart" },
  { key: "streaming.address", path: ["streaming", "address"], takenBy: "restart" },
  { key: "streaming.port", path: ["streaming", "port"], takenBy: "restart" },
  { key: "streaming.tls_cert_file, streaming.tls_key_file", path: ["streaming", "tls"], takenBy: "restart" },
  { key: "streaming.idle_timeout_seconds", path: ["streaming", "idleTimeoutMs"], takenBy: "restart" },
];

export function settingValue(config: Config, { path }: Setting): unknown {
  return path.reduce<unknown>((value, name) => Reflect.get(Object(value), name), config);
}

export function changedSettings(before: Config, after: Config): readonly Setting[] {
  return settings.filter((setting) => !isDeepStrictEqual(settingValue(before, setting), settingValue(after, setting)));
}

/** `base` with `from`'s word on some settings. */
export function withSettings(base: Config, from: Config, taken: readonly Setting[]): Config {
  return taken.reduce((config, setting) => withValue(config, setting.path, settingValue(from, setting)) as Config, {
    ...base,
  });
}

function withValue(value: object, [name = "", ...rest]: readonly string[], leaf: unknown): object {
  const inner = rest.length === 0 ? leaf : withValue(Object(Reflect.get(value, name)), rest, leaf);
  return { ...value, [name]: inner };
}
