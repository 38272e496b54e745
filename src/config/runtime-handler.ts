import type { HostPath } from "../ids/path.ts";

/** What runs the pods that ask for it by name (RuntimeClass, `runtime_handler`). */
export type RuntimeHandlerConfig = NativeHandlerConfig | OciHandlerConfig | ShimHandlerConfig;

/** crib's own runtime. */
export interface NativeHandlerConfig extends CommonHandlerConfig {
  readonly type: "native";
}

/** An OCI runtime's command line: runc and what is called like it. */
export interface OciHandlerConfig extends CommonHandlerConfig {
  readonly type: "oci";
  /** The program. */
  readonly path: HostPath;
  /** Global options of every call, before the verb. */
  readonly args: readonly string[];
}

/** A shim as containerd's runtime v2 has them: Kata's, gVisor's, runc's. */
export interface ShimHandlerConfig extends CommonHandlerConfig {
  readonly type: "shim-v2";
  /** The shim's program. */
  readonly path: HostPath;
  /** Whether a pod begins with a container of its own, as sandboxed runtimes want it. */
  readonly sandboxContainer: boolean;
  readonly options: ShimOptions;
}

/** What the runtime behind a shim is told. */
export interface ShimOptions {
  /** Of runc's shim: the runtime's program, where it keeps its state, whether groups are systemd's. */
  readonly binaryName: string | undefined;
  readonly root: HostPath | undefined;
  readonly systemdCgroup: boolean;
  /** Of shims with a file of their own, and what that is called: "io.containerd.runsc.v1.options". */
  readonly configPath: HostPath | undefined;
  readonly typeUrl: string | undefined;
}

interface CommonHandlerConfig {
  /** Annotations of the pod and of the container that reach the OCI document: names, "*" stands for any text. */
  readonly podAnnotations: readonly string[];
  readonly containerAnnotations: readonly string[];
  /** A privileged container gets the devices it asks for, and not all of the host's. */
  readonly privilegedWithoutHostDevices: boolean;
}

/** What a handler is where nothing is said of it. */
export const nativeHandler: NativeHandlerConfig = {
  type: "native",
  podAnnotations: [],
  containerAnnotations: [],
  privilegedWithoutHostDevices: false,
};
