import { invalidArgument } from "../../errors/crib-error.ts";
import type { Int64Value, NamespaceOption, SecurityProfile } from "../../gen/runtime/v1/api_pb.ts";
import { NamespaceMode, SecurityProfile_ProfileType } from "../../gen/runtime/v1/api_pb.ts";
import { parseUserNamespace } from "../../oci/user-namespace.ts";
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

/** @throws {CribError} invalid-argument */
export function checkSecurityProfile(profile: SecurityProfile | undefined, field: string): void {
  if (profile?.profileType === SecurityProfile_ProfileType.Localhost && profile.localhostRef === "") {
    throw invalidArgument(`${field}.localhost_ref is required with a Localhost profile`);
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
  parseUserNamespace(options, field);
}
