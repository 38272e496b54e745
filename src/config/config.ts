import type { HostPath } from "../ids/path.ts";
import type { RuntimeHandlerConfig } from "./runtime-handler.ts";

/** Everything a daemon is told, parsed once from flags, environment and files, then frozen. */
export interface Config {
  /** What survives a reboot. Default /var/lib/crib. */
  readonly root: HostPath;
  /** What does not. Default /run/crib. */
  readonly state: HostPath;
  /** Unix socket paths served, first one first. */
  readonly listen: readonly HostPath[];
  /** Which sockets also answer cAdvisor's calls of containerd's API. Default auto: those named containerd.sock. */
  readonly containerdApi: "auto" | "all" | "none";
  readonly log: { readonly level: "trace" | "debug" | "info" | "warn" | "error"; readonly format: "text" | "json" };
  readonly cgroup: {
    readonly driver: "cgroupfs" | "systemd";
    /** Where pods without a cgroup_parent go. Default /crib. */
    readonly defaultParent: string;
  };
  readonly cni: {
    readonly configDir: HostPath;
    readonly binDirs: readonly HostPath[];
    readonly pluginTimeoutMs: number;
  };
  readonly network: {
    /** Interface name of the built-in bridge. Default crib0. */
    readonly bridge: string;
    /** Undefined: a range that is free on this node, chosen once and kept. */
    readonly subnet: string | undefined;
    /** 0: the default route's. */
    readonly mtu: number;
    /** Whether what a pod sends from another's MAC or address is dropped. Default true. */
    readonly antiSpoofing: boolean;
  };
  readonly registry: {
    /** Directories of `<host>/hosts.toml`, searched in order. */
    readonly hostsDirs: readonly HostPath[];
    /** Docker's config.json, for credentials. */
    readonly dockerConfig: HostPath | undefined;
    readonly maxConcurrentDownloads: number;
    readonly maxConcurrentDownloadsPerRegistry: number;
    /** A pull that moves no byte for this long is failed over or ended. */
    readonly stallTimeoutMs: number;
  };
  readonly images: {
    readonly pinned: readonly string[];
    /** How new layers are kept: "auto" takes EROFS where the kernel mounts it. A store may hold both kinds. */
    readonly layerStore: "auto" | "directories" | "erofs";
    /** Everything that images are made of is read once in this time and compared with what it should be. 0: only when asked. */
    readonly checkIntervalMs: number;
    /** A policy.json that says which images may be pulled. Default: none, all may. */
    readonly trustPolicy: HostPath | undefined;
  };
  readonly cdi: {
    /** Directories of CDI files; a later one wins over an earlier. */
    readonly specDirs: readonly HostPath[];
  };
  /** Plugins of the Node Resource Interface. */
  readonly nri: {
    /** Where they connect. Default: nowhere, there are no plugins. */
    readonly socket: HostPath | undefined;
    /** Their configurations: `INDEX-name.conf`, or `name.conf`. */
    readonly configDir: HostPath;
    readonly registrationTimeoutMs: number;
    /** A plugin that does not answer for this long is dropped, unless it asked to stay. */
    readonly requestTimeoutMs: number;
  };
  readonly runtime: {
    /** The handler of pods that name none. */
    readonly defaultHandler: string;
    /** By name. The default one is among them. */
    readonly handlers: Readonly<Record<string, RuntimeHandlerConfig>>;
    readonly seccompProfileRoot: HostPath;
    /** Confine containers that name no AppArmor profile by the one that crib brings, where the kernel has AppArmor. */
    readonly apparmorDefaultProfile: boolean;
    /**
     * What becomes of a VOLUME of an image that the pod mounts nothing on: a directory of the container's own, or a tmpfs, with a
     * copy of what the image has there; or nothing, and the path is a part of the root like any other.
     */
    readonly imageVolumes: "copy" | "tmpfs" | "none";
    readonly execOutputLimitBytes: number;
    /** At its start the daemon has the monitors of running pods go on in its own executable. */
    readonly renewMonitors: boolean;
  };
  readonly streaming: {
    /** Where exec, attach and port-forward are served. Default 127.0.0.1: the kubelet is on the same host. */
    readonly address: string;
    /** 0: the kernel chooses. */
    readonly port: number;
    /** Undefined: without TLS. */
    readonly tls: { readonly certFile: HostPath; readonly keyFile: HostPath } | undefined;
    /** A stream without data for this long is ended. Default four hours. */
    readonly idleTimeoutMs: number;
  };
}
