import type { HostPath } from "../ids/path.ts";

/** What runs the pods that ask for it by name (RuntimeClass, `runtime_handler`). */
export type RuntimeHandlerConfig = NativeHandlerConfig | OciHandlerConfig;

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
