import { failedPrecondition, invalidArgument } from "../errors/crib-error.ts";
import type { LinuxContainerSecurityContext } from "../gen/runtime/v1/api_pb.ts";
import { SecurityProfile_ProfileType } from "../gen/runtime/v1/api_pb.ts";
import type { HostFacts } from "./host-facts.ts";

/**
 * The AppArmor profile a container runs under, undefined for none. A profile named by the request must be enforceable: a
 * host without AppArmor refuses it. The runtime's default asks for what the host can do, which without AppArmor is nothing.
 *
 * @throws {CribError} failed-precondition when the kernel has no AppArmor, invalid-argument for a malformed name.
 */
export function apparmorProfile(
  security: LinuxContainerSecurityContext | undefined,
  host: HostFacts,
): string | undefined {
  const name = requestedProfile(security);
  if (name === undefined || security?.privileged === true) return undefined;
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

/** The profile's name in the kernel; undefined for unset, unconfined and the runtime's default. */
function requestedProfile(security: LinuxContainerSecurityContext | undefined): string | undefined {
  const profile = security?.apparmor;
  if (profile !== undefined) {
    return profile.profileType === SecurityProfile_ProfileType.Localhost ? localName(profile.localhostRef) : undefined;
  }
  const deprecated = security?.apparmorProfile ?? "";
  if (deprecated === "" || deprecated === "unconfined" || deprecated === "runtime/default") return undefined;
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
