import { invalidArgument } from "../errors/crib-error.ts";
import { parseHostPath } from "../ids/path.ts";
import type { Config } from "./config.ts";
import { type ConfigFile, parseConfigFile, type RuntimeHandlerFile } from "./config-file.ts";
import { deepFreeze, defaultConfig } from "./defaults.ts";
import { parseListenAddress } from "./listen-address.ts";
import { nativeHandler, type RuntimeHandlerConfig } from "./runtime-handler.ts";

export interface ConfigSource {
  /** For messages. */
  readonly path: string;
  readonly text: string;
}

/** What the command line says; undefined and empty leave the files' word. */
export interface ConfigFlags {
  readonly root?: string | undefined;
  readonly state?: string | undefined;
  readonly listen?: readonly string[] | undefined;
  readonly logLevel?: string | undefined;
  readonly logFormat?: string | undefined;
}

/**
 * Defaults, then each file over those before it, key by key (a list replaces a list), then flags.
 *
 * A state directory moves the default socket with it, and `--state` overrules the sockets of the files: `--state DIR`
 * gives a daemon that is out of everybody's way.
 *
 * @throws {CribError} invalid-argument naming file and key, or the flag.
 */
export function loadConfig(sources: { readonly files: readonly ConfigSource[]; readonly flags: ConfigFlags }): Config {
  let config = defaultConfig;
  let socketsChosen = false;
  for (const { path, text } of sources.files) {
    const file = parseConfigFile(path, text);
    config = overlay(config, file);
    socketsChosen ||= file.listen !== undefined;
  }
  const { flags } = sources;
  const listen = (flags.listen ?? []).map(parseListenAddress);
  const state = flags.state === undefined ? config.state : parseHostPath(flags.state, "--state");
  const defaultSocket = parseListenAddress(`${state}/crib.sock`);
  return deepFreeze({
    ...config,
    root: flags.root === undefined ? config.root : parseHostPath(flags.root, "--root"),
    state,
    listen: listen.length > 0 ? listen : socketsChosen && flags.state === undefined ? config.listen : [defaultSocket],
    log: {
      level: oneOf(flags.logLevel ?? config.log.level, logLevels, "--log-level"),
      format: oneOf(flags.logFormat ?? config.log.format, logFormats, "--log-format"),
    },
  });
}

const logLevels = ["trace", "debug", "info", "warn", "error"] as const;
const logFormats = ["text", "json"] as const;

function oneOf<T extends string>(value: string, allowed: readonly T[], flag: string): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw invalidArgument(`${flag} ${JSON.stringify(value)} is none of ${allowed.join(", ")}`);
  return found;
}

function overlay(base: Config, file: ConfigFile): Config {
  const { log, cgroup, cni, network, registry, images, cdi, runtime } = file;
  return {
    root: file.root ?? base.root,
    state: file.state ?? base.state,
    listen: file.listen ?? base.listen,
    containerdApi: file.containerd_api?.sockets ?? base.containerdApi,
    log: { level: log?.level ?? base.log.level, format: log?.format ?? base.log.format },
    cgroup: {
      driver: cgroup?.driver ?? base.cgroup.driver,
      defaultParent: cgroup?.default_parent ?? base.cgroup.defaultParent,
    },
    cni: {
      configDir: cni?.config_dir ?? base.cni.configDir,
      binDirs: cni?.bin_dirs ?? base.cni.binDirs,
      pluginTimeoutMs: toMs(cni?.plugin_timeout_seconds) ?? base.cni.pluginTimeoutMs,
    },
    network: overlayNetwork(base.network, network),
    registry: {
      hostsDirs: registry?.hosts_dirs ?? base.registry.hostsDirs,
      // "" switches it off.
      dockerConfig:
        registry?.docker_config === "" ? undefined : (registry?.docker_config ?? base.registry.dockerConfig),
      maxConcurrentDownloads: registry?.max_concurrent_downloads ?? base.registry.maxConcurrentDownloads,
      maxConcurrentDownloadsPerRegistry:
        registry?.max_concurrent_downloads_per_registry ?? base.registry.maxConcurrentDownloadsPerRegistry,
      stallTimeoutMs: toMs(registry?.stall_timeout_seconds) ?? base.registry.stallTimeoutMs,
    },
    images: overlayImages(base.images, images),
    cdi: { specDirs: cdi?.spec_dirs ?? base.cdi.specDirs },
    nri: overlayNri(base.nri, file.nri),
    runtime: {
      ...overlayHandlers(base.runtime, runtime),
      seccompProfileRoot: runtime?.seccomp_profile_root ?? base.runtime.seccompProfileRoot,
      apparmorDefaultProfile: runtime?.apparmor_default_profile ?? base.runtime.apparmorDefaultProfile,
      imageVolumes: runtime?.image_volumes ?? base.runtime.imageVolumes,
      execOutputLimitBytes: runtime?.exec_output_limit_bytes ?? base.runtime.execOutputLimitBytes,
      renewMonitors: runtime?.renew_monitors ?? base.runtime.renewMonitors,
    },
    streaming: overlayStreaming(base.streaming, file.streaming),
  };
}

/** A handler replaces the one of its name; what is the default and not described is crib's own runtime. */
function overlayHandlers(
  base: Config["runtime"],
  file: ConfigFile["runtime"],
): Pick<Config["runtime"], "defaultHandler" | "handlers"> {
  const defaultHandler = file?.default_handler ?? base.defaultHandler;
  const described = Object.entries(file?.handlers ?? {}).map(([name, handler]) => [name, overlayHandler(handler)]);
  const handlers = { ...base.handlers, ...Object.fromEntries(described) };
  return { defaultHandler, handlers: { [defaultHandler]: nativeHandler, ...handlers } };
}

function overlayHandler(file: RuntimeHandlerFile): RuntimeHandlerConfig {
  const common = {
    podAnnotations: file.pod_annotations ?? nativeHandler.podAnnotations,
    containerAnnotations: file.container_annotations ?? nativeHandler.containerAnnotations,
    privilegedWithoutHostDevices: file.privileged_without_host_devices ?? nativeHandler.privilegedWithoutHostDevices,
  };
  switch (file.type) {
    case "native":
      return { type: "native", ...common };
    case "oci":
      return { type: "oci", path: file.path, args: file.args ?? [], ...common };
    case "shim-v2":
      return {
        type: "shim-v2",
        path: file.path,
        sandboxContainer: file.sandbox_container ?? true,
        options: {
          binaryName: file.options?.binary_name,
          root: file.options?.root,
          systemdCgroup: file.options?.systemd_cgroup ?? false,
          configPath: file.options?.config_path,
          typeUrl: file.options?.type_url,
        },
        ...common,
      };
  }
}

function overlayNri(base: Config["nri"], file: ConfigFile["nri"]): Config["nri"] {
  return {
    // "" switches it off.
    socket: file?.socket === "" ? undefined : (file?.socket ?? base.socket),
    configDir: file?.config_dir ?? base.configDir,
    registrationTimeoutMs: toMs(file?.registration_timeout_seconds) ?? base.registrationTimeoutMs,
    requestTimeoutMs: toMs(file?.request_timeout_seconds) ?? base.requestTimeoutMs,
  };
}

function overlayImages(base: Config["images"], file: ConfigFile["images"]): Config["images"] {
  const hours = file?.check_interval_hours;
  return {
    pinned: file?.pinned ?? base.pinned,
    layerStore: file?.layer_store ?? base.layerStore,
    // "" switches it off.
    trustPolicy: file?.trust_policy === "" ? undefined : (file?.trust_policy ?? base.trustPolicy),
    checkIntervalMs: hours === undefined ? base.checkIntervalMs : hours * 3_600_000,
  };
}

function overlayNetwork(base: Config["network"], file: ConfigFile["network"]): Config["network"] {
  return {
    bridge: file?.bridge ?? base.bridge,
    // "" leaves the choice to the daemon.
    subnet: file?.subnet === "" ? undefined : (file?.subnet ?? base.subnet),
    mtu: file?.mtu ?? base.mtu,
    antiSpoofing: file?.anti_spoofing ?? base.antiSpoofing,
  };
}

function overlayStreaming(base: Config["streaming"], file: ConfigFile["streaming"]): Config["streaming"] {
  return {
    address: file?.address ?? base.address,
    port: file?.port ?? base.port,
    tls: overlayTls(base.tls, file),
    idleTimeoutMs: toMs(file?.idle_timeout_seconds) ?? base.idleTimeoutMs,
  };
}

/** "" for both switches it off; one without the other is a mistake. */
function overlayTls(base: Config["streaming"]["tls"], file: ConfigFile["streaming"]): Config["streaming"]["tls"] {
  const certFile = file?.tls_cert_file ?? base?.certFile ?? "";
  const keyFile = file?.tls_key_file ?? base?.keyFile ?? "";
  if (certFile === "" && keyFile === "") return undefined;
  if (certFile === "" || keyFile === "") {
    throw invalidArgument("streaming.tls_cert_file and streaming.tls_key_file: give both, or none");
  }
  return { certFile, keyFile };
}

function toMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
