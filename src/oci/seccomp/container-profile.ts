import { failedPrecondition, invalidArgument } from "../../errors/crib-error.ts";
import type { LinuxContainerSecurityContext } from "../../gen/runtime/v1/api_pb.ts";
import { SecurityProfile_ProfileType } from "../../gen/runtime/v1/api_pb.ts";
import { resolveCapabilities } from "../capabilities.ts";
import type { HostFacts } from "../host-facts.ts";
import type { SpecSeccomp } from "../runtime-spec.ts";
import type { SeccompContext } from "./default-profile.ts";
import { defaultSeccompProfile } from "./default-profile.ts";
import { parseSeccompProfile } from "./parse-profile.ts";

/**
 * The seccomp profile a container runs under; undefined is unconfined. A request that says nothing gets the default profile
 * (containerd: none): the kubelet always says, so this is for those who run a pod by hand. Privileged is unconfined.
 *
 * @param readLocalhost returns the text of a node-local profile by the name in the request; throws when there is none.
 * @throws {CribError} invalid-argument for a profile that cannot be read or understood, failed-precondition when the kernel
 * has no seccomp filters.
 */
export function containerSeccompProfile(
  security: LinuxContainerSecurityContext | undefined,
  host: HostFacts,
  readLocalhost: (reference: string) => string,
): SpecSeccomp | undefined {
  if (security?.privileged) return undefined;
  const request = requestedProfile(security);
  if (request.kind === "unconfined") return undefined;
  if (!host.seccomp)
    throw failedPrecondition(
      "a seccomp profile is asked for, but this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)",
    );
  const context: SeccompContext = {
    architecture: host.architecture,
    kernelVersion: host.kernelVersion,
    capabilities: resolveCapabilities(security?.capabilities, false, host.capabilities).bounding,
  };
  if (request.kind === "default") return defaultSeccompProfile(context);
  return parseSeccompProfile(readLocalhost(request.reference), request.reference, context);
}

type Request =
  | { readonly kind: "default" }
  | { readonly kind: "unconfined" }
  | { readonly kind: "localhost"; readonly reference: string };

function requestedProfile(security: LinuxContainerSecurityContext | undefined): Request {
  const profile = security?.seccomp;
  if (profile === undefined) return deprecatedProfile(security?.seccompProfilePath ?? "");
  switch (profile.profileType) {
    case SecurityProfile_ProfileType.RuntimeDefault:
      return { kind: "default" };
    case SecurityProfile_ProfileType.Unconfined:
      return { kind: "unconfined" };
    case SecurityProfile_ProfileType.Localhost:
      return localhost(profile.localhostRef);
    default:
      throw invalidArgument(`seccomp profile type ${String(profile.profileType)} is unknown`);
  }
}

/** The strings kubelets sent before 1.20. */
function deprecatedProfile(path: string): Request {
  if (path === "" || path === "runtime/default" || path === "docker/default") return { kind: "default" };
  if (path === "unconfined") return { kind: "unconfined" };
  if (path.startsWith("localhost/")) return localhost(path);
  throw invalidArgument(
    `seccomp profile ${JSON.stringify(path.slice(0, 200))} is neither runtime/default, unconfined nor localhost/NAME`,
  );
}

function localhost(reference: string): Request {
  const name = reference.replace(/^localhost\//, "");
  if (name === "") throw invalidArgument("a Localhost seccomp profile is asked for without its name");
  return { kind: "localhost", reference: name };
}
