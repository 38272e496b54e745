import type { SpecSeccomp } from "../../oci/runtime-spec.ts";
import type { SeccompContext } from "../../oci/seccomp/default-profile.ts";
import { defaultSeccompProfile } from "../../oci/seccomp/default-profile.ts";

/** The default profile in the few variants a node's capability sets give, so that equal profiles are one object. */
export class DefaultSeccompProfiles {
  readonly #byCapabilities = new Map<string, SpecSeccomp>();

  of(context: SeccompContext): SpecSeccomp {
    const key = context.capabilities.join(",");
    let profile = this.#byCapabilities.get(key);
    if (profile === undefined) {
      profile = defaultSeccompProfile(context);
      this.#byCapabilities.set(key, profile);
    }
    return profile;
  }
}
