import { readFileSync, statSync } from "node:fs";
import { invalidArgument } from "../errors/crib-error.ts";
import type { ContainerConfig } from "../gen/runtime/v1/api_pb.ts";
import { SecurityProfile_ProfileType } from "../gen/runtime/v1/api_pb.ts";
import { joinHostPath, parseHostPath } from "../ids/path.ts";
import type { SpecSeccomp } from "../oci/runtime-spec.ts";
import { defaultSeccompProfile } from "../oci/seccomp-default.ts";
import { parseSeccompProfile } from "../oci/seccomp-profile.ts";
import type { PodEngine } from "./engine.ts";

const largestProfileBytes = 1 << 20;

/**
 * The seccomp profile a container runs under, or undefined for none: privileged, Unconfined, or nothing asked for.
 * @throws {CribError} invalid-argument for a Localhost profile that is missing or malformed: never run unfiltered instead.
 */
export function resolveSeccomp(engine: PodEngine, config: ContainerConfig, capabilities: readonly string[]): SpecSeccomp | undefined {
  const security = config.linux?.securityContext;
  if (security?.privileged === true || security?.seccomp === undefined) return undefined;
  const { profileType, localhostRef } = security.seccomp;
  switch (profileType) {
    case SecurityProfile_ProfileType.Unconfined:
      return undefined;
    case SecurityProfile_ProfileType.RuntimeDefault:
      return defaultSeccompProfile(engine.hostFacts.architecture, capabilities, engine.hostFacts.kernelVersion);
    case SecurityProfile_ProfileType.Localhost:
      return parseSeccompProfile(readLocalProfile(engine, localhostRef), engine.hostFacts.architecture, capabilities);
    default:
      throw invalidArgument(`seccomp profile type ${String(profileType)} is unknown`);
  }
}

/** The kubelet sends an absolute path; a bare name is looked up in the configured directory. */
function readLocalProfile(engine: PodEngine, reference: string): string {
  const path = reference.startsWith("/")
    ? parseHostPath(reference, "seccomp localhost_ref")
    : parseHostPath(joinHostPath(engine.config.runtime.seccompProfileRoot, reference), "seccomp localhost_ref");
  try {
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > largestProfileBytes) {
      throw invalidArgument(`seccomp profile ${path} is not a regular file of at most ${largestProfileBytes} bytes`);
    }
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw invalidArgument(`seccomp profile ${path} does not exist on this node`, error);
    }
    throw error;
  }
}
