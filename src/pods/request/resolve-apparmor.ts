import { failedPrecondition } from "../../errors/crib-error.ts";
import { apparmorWish } from "../../oci/security-labels.ts";
import { defaultAppArmorProfile } from "../../runtime/apparmor/apparmor-profile.ts";
import type { ContainerSpec } from "../../spec/container-spec.ts";
import type { PodEngine } from "../engine.ts";

/**
 * The AppArmor profile a container runs under; undefined is unconfined. The one that crib brings is in the kernel when this returns.
 *
 * @throws {CribError} failed-precondition when a profile is asked for by name and cannot be had, invalid-argument.
 */
export async function resolveAppArmor(
  engine: Pick<PodEngine, "hostFacts" | "defaultAppArmor">,
  config: ContainerSpec,
): Promise<string | undefined> {
  const wish = apparmorWish(config.linux?.securityContext, engine.hostFacts);
  if (wish.kind === "unconfined") return undefined;
  if (wish.kind === "localhost") return wish.name;
  const availability = await engine.defaultAppArmor.ensure();
  if (availability.loaded) return defaultAppArmorProfile;
  if (!wish.asked) return undefined;
  throw failedPrecondition(`AppArmor profile RuntimeDefault is asked for, but ${availability.reason}`);
}

/** The profile may have been removed since the container was made: a container that has it would be refused then. */
export async function restoreAppArmor(
  engine: Pick<PodEngine, "defaultAppArmor">,
  profile: string | undefined,
): Promise<void> {
  if (profile === defaultAppArmorProfile) await engine.defaultAppArmor.ensure();
}
