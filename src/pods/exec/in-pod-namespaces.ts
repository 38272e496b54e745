import { invalidArgument } from "../../errors/crib-error.ts";
import { protectedPaths } from "../../oci/mounts/protected-paths.ts";
import type { ContainerSpec } from "../../spec/container-spec.ts";
import { type NamespaceOptions, podNamespaces } from "../../spec/namespace-options.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";
import { emptySecurityContext } from "../../spec/security-context.ts";

/**
 * The container's config with the pod's network and ipc modes: a container lives in its pod's, whatever its own config says or
 * leaves out. What asks for more than the pod has is refused: the host's namespaces are the pod's to ask for.
 *
 * @throws {CribError} invalid-argument for mode NODE in a pod whose namespace is its own.
 */
export function inPodNamespaces(pod: PodSpec, config: ContainerSpec): ContainerSpec {
  const podOptions = pod.linux?.securityContext?.namespaceOptions;
  const asked = config.linux?.securityContext?.namespaceOptions;
  for (const name of ["network", "ipc", "pid"] as const) refuseMore(name, podOptions, asked);
  const network = podOptions?.network ?? "pod";
  const ipc = podOptions?.ipc ?? "pod";
  const own = asked ?? podNamespaces;
  if (own.network === network && own.ipc === ipc) return config;
  // A context that appears only now must not read as one whose lists of protected paths were left empty on purpose.
  const security = config.linux?.securityContext ?? { ...emptySecurityContext, ...protectedPaths(undefined) };
  return {
    ...config,
    linux: {
      resources: config.linux?.resources,
      securityContext: { ...security, namespaceOptions: { ...own, network, ipc } },
    },
  };
}

function refuseMore(
  name: "network" | "ipc" | "pid",
  pod: NamespaceOptions | undefined,
  asked: NamespaceOptions | undefined,
): void {
  if (asked?.[name] !== "node" || pod?.[name] === "node") return;
  throw invalidArgument(`namespace_options.${name} is NODE, but the pod has a ${name} namespace of its own`);
}
