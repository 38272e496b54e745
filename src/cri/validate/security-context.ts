import { invalidArgument } from "../../errors/crib-error.ts";
import type { Int64Value, NamespaceOption, SecurityProfile } from "../../gen/runtime/v1/api_pb.ts";
import {
  NamespaceMode,
  SecurityProfile_ProfileType,
  SecurityProfileBase_BaseType,
} from "../../gen/runtime/v1/api_pb.ts";
import { parseUserNamespace } from "../../oci/user-namespace.ts";
import { toNamespaceOptions } from "../spec/namespace-options.ts";
import { checkUserId } from "./fields.ts";

/** What pods and containers have in common of who they run as. */
interface Identity {
  readonly runAsUser?: Int64Value | undefined;
  readonly runAsGroup?: Int64Value | undefined;
  readonly runAsUsername?: string;
  readonly supplementalGroups: readonly bigint[];
}

/** @throws {CribError} invalid-argument */
export function checkIdentity(identity: Identity, field: string): void {
  if (identity.runAsUser !== undefined) checkUserId(identity.runAsUser.value, `${field}.run_as_user`);
  if (identity.runAsGroup !== undefined) {
    checkUserId(identity.runAsGroup.value, `${field}.run_as_group`);
    if (identity.runAsUser === undefined && !identity.runAsUsername) {
      throw invalidArgument(`${field}.run_as_group needs run_as_user or run_as_username`);
    }
  }
  for (const group of identity.supplementalGroups) checkUserId(group, `${field}.supplemental_groups`);
}

/**
 * Rules of the API about which field goes with which type (KEP-6061). What enforces a profile decides whether it may come
 * from a registry: seccomp only.
 *
 * @throws {CribError} invalid-argument
 */
export function checkSecurityProfile(
  profile: SecurityProfile | undefined,
  field: string,
  enforcedBy: "seccomp" | "apparmor",
): void {
  if (profile === undefined) return;
  if (profile.profileType === SecurityProfile_ProfileType.Localhost && profile.localhostRef === "") {
    throw invalidArgument(`${field}.localhost_ref is required with a Localhost profile`);
  }
  if (profile.profileType === SecurityProfile_ProfileType.OCI) {
    if (enforcedBy === "apparmor") throw invalidArgument(`${field}: profiles of type OCI are for seccomp only`);
    if (profile.ociRef === "") throw invalidArgument(`${field}.oci_ref is required with an OCI profile`);
    checkBaseProfile(profile, `${field}.base_profile`);
    return;
  }
  for (const [name, given] of [
    ["oci_ref", profile.ociRef !== ""],
    ["base_profile", profile.baseProfile !== undefined],
  ] as const) {
    if (given) {
      const type = SecurityProfile_ProfileType[profile.profileType];
      throw invalidArgument(`${field}.${name} is for profiles of type OCI, this one is ${type}`);
    }
  }
}

function checkBaseProfile({ baseProfile }: SecurityProfile, field: string): void {
  if (baseProfile === undefined) return;
  const local = baseProfile.type === SecurityProfileBase_BaseType.Localhost;
  if (local && baseProfile.localhostRef === "") {
    throw invalidArgument(`${field}.localhost_ref is required with a Localhost base`);
  }
  if (!local && baseProfile.localhostRef !== "") {
    throw invalidArgument(`${field}.localhost_ref is for a Localhost base, this one is RuntimeDefault`);
  }
}

/** Which modes each namespace has: the API says so in words, for one enum that serves all of them. */
const allowed = {
  network: [NamespaceMode.POD, NamespaceMode.NODE],
  ipc: [NamespaceMode.POD, NamespaceMode.NODE],
  pid: [NamespaceMode.POD, NamespaceMode.CONTAINER, NamespaceMode.NODE, NamespaceMode.TARGET],
} as const satisfies Partial<Record<keyof NamespaceOption, readonly NamespaceMode[]>>;

/** @throws {CribError} invalid-argument */
export function checkNamespaces(options: NamespaceOption, field: string): void {
  for (const name of ["network", "ipc", "pid"] as const) {
    const modes: readonly NamespaceMode[] = allowed[name];
    if (!modes.includes(options[name])) {
      throw invalidArgument(`${field}.${name}: ${NamespaceMode[options[name]]} is not a mode of this namespace`);
    }
  }
  if (options.pid === NamespaceMode.TARGET && options.targetId === "") {
    throw invalidArgument(`${field}.target_id is required with pid TARGET`);
  }
  parseUserNamespace(toNamespaceOptions(options), field);
}

/** The pod itself is in no cgroup namespace: only containers choose. @throws {CribError} invalid-argument */
export function checkNoCgroupNamespace(options: NamespaceOption, field: string): void {
  if (options.cgroupnsOptions !== undefined) {
    throw invalidArgument(`${field}.cgroupns_options is for containers, not for a pod`);
  }
}
