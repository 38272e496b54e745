import { create } from "@bufbuild/protobuf";
import { invalidArgument } from "../../errors/crib-error.ts";
import type { ContainerConfig, NamespaceOption, PodSandboxConfig } from "../../gen/runtime/v1/api_pb.ts";
import {
  LinuxContainerConfigSchema,
  LinuxContainerSecurityContextSchema,
  NamespaceMode,
  NamespaceOptionSchema,
} from "../../gen/runtime/v1/api_pb.ts";
import { protectedPaths } from "../../oci/protected-paths.ts";

/**
 * The container's config with the pod's network and ipc modes: a container lives in its pod's, whatever its own config says or
 * leaves out. What asks for more than the pod has is refused: the host's namespaces are the pod's to ask for.
 *
 * @throws {CribError} invalid-argument for mode NODE in a pod whose namespace is its own.
 */
export function inPodNamespaces(pod: PodSandboxConfig, config: ContainerConfig): ContainerConfig {
  const podOptions = pod.linux?.securityContext?.namespaceOptions;
  const asked = config.linux?.securityContext?.namespaceOptions;
  for (const name of ["network", "ipc", "pid"] as const) refuseMore(name, podOptions, asked);
  const network = podOptions?.network ?? NamespaceMode.POD;
  const ipc = podOptions?.ipc ?? NamespaceMode.POD;
  const own = asked ?? create(NamespaceOptionSchema);
  if (own.network === network && own.ipc === ipc) return config;
  const linux = config.linux ?? create(LinuxContainerConfigSchema);
  // A context that appears only now must not read as one whose lists of protected paths were left empty on purpose.
  const { maskedPaths, readonlyPaths } = protectedPaths(undefined);
  const security =
    linux.securityContext ??
    create(LinuxContainerSecurityContextSchema, { maskedPaths: [...maskedPaths], readonlyPaths: [...readonlyPaths] });
  return {
    ...config,
    linux: { ...linux, securityContext: { ...security, namespaceOptions: { ...own, network, ipc } } },
  };
}

function refuseMore(
  name: "network" | "ipc" | "pid",
  pod: NamespaceOption | undefined,
  asked: NamespaceOption | undefined,
): void {
  if (asked?.[name] !== NamespaceMode.NODE || pod?.[name] === NamespaceMode.NODE) return;
  throw invalidArgument(`namespace_options.${name} is NODE, but the pod has a ${name} namespace of its own`);
}
