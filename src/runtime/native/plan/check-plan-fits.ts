import { invalidArgument } from "../../../errors/crib-error.ts";
import type { RuntimeSpec } from "../../../oci/runtime-spec.ts";

/** What the reader in C takes: PLAN_STEPS_MAX and PLAN_SLOTS_MAX of ffi/wire/plan.h. */
export const planLimits = { steps: 4096, sources: 512 } as const;

/** NGROUPS_MAX: setgroups(2) refuses more. */
const maxGroups = 65_536;

/** Steps that are there whatever the spec says: cgroups of every hierarchy, links, limits and identity. */
const commonSteps = 128;
/** A mount is opened, given its ids, and attached. */
const stepsOfMount = 3;

/**
 * A container is refused when it is made, in words, rather than when it is started, by a reader that only knows that the
 * plan is not one.
 *
 * @throws {CribError} invalid-argument for a spec whose launch plan would be larger than the init stage takes.
 */
export function checkPlanFits(spec: RuntimeSpec): void {
  const sources = spec.mounts.filter(({ type, image }) => type === "bind" || image !== undefined).length;
  if (sources > planLimits.sources) {
    throw invalidArgument(`container has ${sources} mounts with those of its pod, the limit is ${planLimits.sources}`);
  }
  const { devices, maskedPaths, readonlyPaths } = spec.linux;
  const paths = devices.length + maskedPaths.length + readonlyPaths.length + (spec.hooks?.createContainer.length ?? 0);
  const steps = commonSteps + stepsOfMount * spec.mounts.length + paths;
  if (steps > planLimits.steps) {
    throw invalidArgument(
      `container has ${spec.mounts.length} mounts and ${paths} devices, masked and read-only paths: too many to start it`,
    );
  }
  const groups = spec.process.user.additionalGids.length;
  if (groups > maxGroups) throw invalidArgument(`user is in ${groups} groups, Linux allows ${maxGroups}`);
}
