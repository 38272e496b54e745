import { assertNever } from "../errors/assert-never.ts";
import { failedPrecondition, invalidArgument } from "../errors/crib-error.ts";
import type { LinuxContainerSecurityContext } from "../gen/runtime/v1/api_pb.ts";
import { SecurityProfile_ProfileType } from "../gen/runtime/v1/api_pb.ts";
import type { HostFacts } from "./host-facts.ts";

/**
 * The AppArmor profile a container runs under, undefined for none. What the request asks for must be enforceable: running with
 * less than was asked for would be found out by an attacker first. crib brings no profile of its own, so the runtime's default
 * can be had nowhere yet; a request that names nothing gets nothing.
 *
 * @throws {CribError} failed-precondition when the kernel has no AppArmor, invalid-argument for a malformed name.
 */
export function apparmorProfile(
  security: LinuxContainerSecurityContext | undefined,
  host: HostFacts,
): string | undefined {
  const name = requestedProfile(security);
  if (name === undefined || security?.privileged === true) return undefined;
  if (name === runtimeDefault && host.apparmor) {
    throw failedPrecondition(
      "AppArmor profile RuntimeDefault is asked for, and crib brings none: load a profile on this host and name it as Localhost",
    );
  }
  if (!host.apparmor) {
    throw failedPrecondition(
      `AppArmor profile ${JSON.stringify(name)} is asked for, but AppArmor is not enabled on this host`,
    );
  }
  return name;
}

/**
 * crib brings no policy of its own, so a requested label must be one the host's policy knows.
 *
 * @throws {CribError} failed-precondition when the kernel has no SELinux, invalid-argument for an incomplete label.
 */
export function selinuxLabel(security: LinuxContainerSecurityContext | undefined, host: HostFacts): string | undefined {
  const options = security?.selinuxOptions;
  if (options === undefined) return undefined;
  const parts = [options.user, options.role, options.type, options.level];
  if (parts.every((part) => part === "")) return undefined;
  const label = [
    options.user || "system_u",
    options.role || "system_r",
    options.type || "container_t",
    options.level || "s0",
  ].join(":");
  if (!/^[A-Za-z0-9_.:,-]+$/.test(label))
    throw invalidArgument(`SELinux label ${JSON.stringify(label.slice(0, 120))} is malformed`);
  if (!host.selinux) {
    throw failedPrecondition(
      `SELinux label ${JSON.stringify(label)} is asked for, but SELinux is not enabled on this host`,
    );
  }
  return label;
}

/** How Kubernetes writes it; no profile's name in the kernel begins so. */
const runtimeDefault = "runtime/default";

/** The profile's name in the kernel, or `runtimeDefault`; undefined for unset and unconfined. */
function requestedProfile(security: LinuxContainerSecurityContext | undefined): string | undefined {
  const profile = security?.apparmor;
  if (profile !== undefined) {
    switch (profile.profileType) {
      case SecurityProfile_ProfileType.Localhost:
        return localName(profile.localhostRef);
      case SecurityProfile_ProfileType.RuntimeDefault:
        return runtimeDefault;
      case SecurityProfile_ProfileType.Unconfined:
        return undefined;
      default:
        return assertNever(profile.profileType, "AppArmor profile type");
    }
  }
  const deprecated = security?.apparmorProfile ?? "";
  if (deprecated === "" || deprecated === "unconfined") return undefined;
  if (deprecated === runtimeDefault) return runtimeDefault;
  if (!deprecated.startsWith("localhost/"))
    throw invalidArgument(`AppArmor profile ${JSON.stringify(deprecated.slice(0, 120))} is malformed`);
  return localName(deprecated);
}

function localName(reference: string): string {
  const name = reference.replace(/^localhost\//, "");
  if (!/^[^\s\p{Cc}]{1,255}$/u.test(name))
    throw invalidArgument(`AppArmor profile ${JSON.stringify(name.slice(0, 120))} is malformed`);
  return name;
}
