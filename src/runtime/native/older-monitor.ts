import { Errno } from "../../errors/errno.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import { MonitorError } from "./monitor/launch-failure.ts";

/**
 * Whether a monitor of before volumes were copied has refused the plan, whole and before it did anything: a pod keeps the monitor
 * it was started with, and its containers are made anew by a newer daemon when they end.
 */
export function knowsNoCopies(error: unknown): boolean {
  if (!(error instanceof MonitorError)) return false;
  const { errno, step, call } = error.failure;
  return errno === Errno.EBADMSG && step === "copy-up" && call === "plan";
}

/** The volumes of its image as they were until then: parts of the root. */
export function withoutCopies(spec: RuntimeSpec): RuntimeSpec {
  return { ...spec, mounts: spec.mounts.filter(({ copyUp }) => copyUp !== true) };
}
