import type { RequestedImage } from "./requested-image.ts";
import type { RequestedMount } from "./requested-mount.ts";
import type { RequestedContainerPath, RequestedHostPath } from "./requested-path.ts";
import type { ResourceLimits } from "./resource-limits.ts";
import type { ContainerSecurityContext } from "./security-context.ts";

/**
 * What CreateContainer asks for. `cri/spec/` makes it of a request that has been checked; everything below `cri/` knows only this.
 *
 * It is frozen, all the way down. "" says that a text was not given; undefined that a whole message was not.
 */
export interface ContainerSpec {
  readonly metadata: ContainerMetadata;
  readonly image: RequestedImage;
  /** Instead of the image's entrypoint; empty: that one. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  /** "": the image's. */
  readonly workingDir: string;
  readonly envs: readonly EnvironmentVariable[];
  readonly mounts: readonly RequestedMount[];
  readonly devices: readonly RequestedDevice[];
  /** Names of CDI devices, "vendor/class=name". */
  readonly cdiDevices: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Below the pod's log directory; "": no log. */
  readonly logPath: string;
  readonly stdin: boolean;
  /** Standard input ends with the first client that was attached to it. */
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  /** A number of Linux; undefined: the image's, else SIGTERM. */
  readonly stopSignal: number | undefined;
  readonly linux: LinuxContainerSpec | undefined;
}

export interface ContainerMetadata {
  readonly name: string;
  readonly attempt: number;
}

export interface EnvironmentVariable {
  readonly key: string;
  /** Any bytes but NUL, as `bytesToString` of `oci/byte-string.ts` writes them. */
  readonly value: string;
}

export interface RequestedDevice {
  /** undefined: the same as on the host. */
  readonly containerPath: RequestedContainerPath | undefined;
  readonly hostPath: RequestedHostPath;
  /** Letters of "rwm"; "": all of them. */
  readonly permissions: string;
}

export interface LinuxContainerSpec {
  readonly resources: ResourceLimits | undefined;
  readonly securityContext: ContainerSecurityContext | undefined;
}
