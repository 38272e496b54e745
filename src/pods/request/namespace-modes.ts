import type { UserNamespace } from "../../oci/user-namespace.ts";
import { parseUserNamespace } from "../../oci/user-namespace.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";

/** Which namespaces a pod has of its own, read once from the pod's spec. */
export interface NamespaceModes {
  readonly hostNetwork: boolean;
  /** Who is on the host's network has the host's name too, unless the pod has one: programs resolve the one through the other. */
  readonly hostUts: boolean;
  readonly hostIpc: boolean;
  /** One pid namespace for all containers of the pod. */
  readonly sharedPid: boolean;
  readonly hostPid: boolean;
  /** undefined: the host's. */
  readonly userNamespace: UserNamespace | undefined;
}

/**
 * The kubelet always sends the option. Where it is not there at all (a config written by hand) each mode is what protobuf reads it
 * as, POD: that is what the pod's status says of it, and what other engines make of it.
 */
export function namespaceModes(config: PodSpec): NamespaceModes {
  const options = config.linux?.securityContext?.namespaceOptions;
  const hostNetwork = options?.network === "node";
  return {
    hostNetwork,
    hostUts: hostNetwork && config.hostname === "",
    hostIpc: options?.ipc === "node",
    sharedPid: (options?.pid ?? "pod") === "pod",
    hostPid: options?.pid === "node",
    userNamespace: parseUserNamespace(options, "linux.security_context.namespace_options"),
  };
}
