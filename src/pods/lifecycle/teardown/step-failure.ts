import type { CribError } from "../../../errors/crib-error.ts";
import type { TeardownStep } from "../../../state/records.ts";

/** A step of a pod's end that has to be repeated, and why. */
export interface StepFailure {
  readonly step: TeardownStep;
  readonly error: CribError;
}
