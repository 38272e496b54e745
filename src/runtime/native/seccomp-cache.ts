import { createHash } from "node:crypto";
import type { Kernel } from "../../kernel/port.ts";
import type { SpecSeccomp } from "../../oci/runtime-spec.ts";
import { kernelSeccompProfile } from "../../oci/seccomp/kernel-profile.ts";

/** Compiled seccomp filters by profile. */
export interface SeccompCache {
  /** `struct sock_filter[]` of the profile; undefined for undefined (unconfined). @throws {ErrnoError} from libseccomp. */
  program(profile: SpecSeccomp | undefined): Uint8Array | undefined;
}

/** One profile is a few KiB compiled; a node uses the default in a few capability variants, and a handful of its own. */
const maxPrograms = 64;

/**
 * Compiling takes about 9 ms, more than the rest of a container's start: filters are kept by the hash of their profile, the
 * least recently used one dropped first. A profile object met before is not even hashed again.
 */
export function createSeccompCache(kernel: Pick<Kernel, "compileSeccomp">): SeccompCache {
  const programs = new Map<string, Uint8Array>();
  const hashes = new WeakMap<SpecSeccomp, string>();

  function hashOf(profile: SpecSeccomp): string {
    let hash = hashes.get(profile);
    if (hash === undefined) {
      hash = createHash("sha256").update(JSON.stringify(profile)).digest("hex");
      hashes.set(profile, hash);
    }
    return hash;
  }

  return {
    program(profile) {
      if (profile === undefined) return undefined;
      const hash = hashOf(profile);
      const program = programs.get(hash) ?? kernel.compileSeccomp(kernelSeccompProfile(profile));
      programs.delete(hash);
      programs.set(hash, program);
      const oldest = programs.keys().next().value;
      if (programs.size > maxPrograms && oldest !== undefined) programs.delete(oldest);
      return program;
    },
  };
}
