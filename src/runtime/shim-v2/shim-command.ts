import type { Any } from "@bufbuild/protobuf/wkt";
import type { HostPath } from "../../ids/path.ts";
import { shimNamespace } from "./task-request.ts";

/** The program behind a handler of type shim-v2. */
export interface ShimCommand {
  /** Of the handler, for messages. */
  readonly name: string;
  readonly path: HostPath;
  readonly options: Any | undefined;
  /** Whether a pod begins with a container of its own, as sandboxed runtimes want it. */
  readonly sandboxContainer: boolean;
  readonly leastOomScore: number | undefined;
}

/** Programs of the host, found where the host's administrator has them. */
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The arguments that shims of all ages take; `eventsAddress` stands for containerd's. */
export function shimArguments(id: string, eventsAddress: string, action: "start" | "delete", bundle?: HostPath) {
  const where = bundle === undefined ? [] : ["-bundle", bundle];
  return ["-namespace", shimNamespace, "-address", eventsAddress, "-publish-binary", "", "-id", id, ...where, action];
}

export function shimEnvironment(eventsAddress: string): Readonly<Record<string, string>> {
  return {
    PATH: searchPath,
    GOMAXPROCS: "2",
    MAX_SHIM_VERSION: "3",
    TTRPC_ADDRESS: eventsAddress,
    GRPC_ADDRESS: eventsAddress,
    NAMESPACE: shimNamespace,
  };
}
