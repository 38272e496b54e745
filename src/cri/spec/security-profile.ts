import { create } from "@bufbuild/protobuf";
import { assertNever } from "../../errors/assert-never.ts";
import type { SecurityProfile as ProfileMessage, SecurityProfileBase } from "../../gen/runtime/v1/api_pb.ts";
import {
  SecurityProfile_ProfileType,
  SecurityProfileBase_BaseType,
  SecurityProfileBaseSchema,
  SecurityProfileSchema,
} from "../../gen/runtime/v1/api_pb.ts";
import type { BaseProfile, SecurityProfile } from "../../spec/security-profile.ts";

/** A name that a profile's type has no use for is left out. @throws {CribError} internal for a type that is not the API's. */
export function toSecurityProfile(message: ProfileMessage): SecurityProfile {
  switch (message.profileType) {
    case SecurityProfile_ProfileType.RuntimeDefault:
      return { kind: "runtime-default" };
    case SecurityProfile_ProfileType.Unconfined:
      return { kind: "unconfined" };
    case SecurityProfile_ProfileType.Localhost:
      return { kind: "localhost", reference: message.localhostRef };
    case SecurityProfile_ProfileType.OCI:
      return {
        kind: "oci",
        reference: message.ociRef,
        base: message.baseProfile && toBaseProfile(message.baseProfile),
      };
    default:
      return assertNever(message.profileType, "security profile type");
  }
}

function toBaseProfile(message: SecurityProfileBase): BaseProfile {
  switch (message.type) {
    case SecurityProfileBase_BaseType.RuntimeDefault:
      return { kind: "runtime-default" };
    case SecurityProfileBase_BaseType.Localhost:
      return { kind: "localhost", reference: message.localhostRef };
    default:
      return assertNever(message.type, "base profile type");
  }
}

export function fromSecurityProfile(profile: SecurityProfile): ProfileMessage {
  switch (profile.kind) {
    case "runtime-default":
      return create(SecurityProfileSchema, { profileType: SecurityProfile_ProfileType.RuntimeDefault });
    case "unconfined":
      return create(SecurityProfileSchema, { profileType: SecurityProfile_ProfileType.Unconfined });
    case "localhost":
      return create(SecurityProfileSchema, {
        profileType: SecurityProfile_ProfileType.Localhost,
        localhostRef: profile.reference,
      });
    case "oci":
      return create(SecurityProfileSchema, {
        profileType: SecurityProfile_ProfileType.OCI,
        ociRef: profile.reference,
        baseProfile: profile.base && fromBaseProfile(profile.base),
      });
    default:
      return assertNever(profile, "security profile");
  }
}

function fromBaseProfile(base: BaseProfile): SecurityProfileBase {
  return base.kind === "runtime-default"
    ? create(SecurityProfileBaseSchema, { type: SecurityProfileBase_BaseType.RuntimeDefault })
    : create(SecurityProfileBaseSchema, {
        type: SecurityProfileBase_BaseType.Localhost,
        localhostRef: base.reference,
      });
}
