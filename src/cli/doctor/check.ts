import type { DoctorHost } from "../program/cli-io.ts";

/** `warn`: crib works, with less. `fail`: pods will not start. */
export type Severity = "ok" | "warn" | "fail";

export interface Finding {
  readonly area: "kernel" | "cgroups" | "network" | "storage" | "limits" | "node";
  readonly name: string;
  readonly severity: Severity;
  /** What was found. */
  readonly detail: string;
  /** What to do about it; empty when nothing. */
  readonly advice: string;
}

/** Where crib is going to live, for the checks that look there. */
export interface DoctorPlaces {
  readonly root: string;
  readonly state: string;
}

/** One check: looks at the host, changes nothing, and always comes to a finding. */
export type Check = (host: DoctorHost, places: DoctorPlaces) => Finding | Promise<Finding>;

type Area = Finding["area"];

export function ok(area: Area, name: string, detail: string): Finding {
  return { area, name, severity: "ok", detail, advice: "" };
}

export function warn(area: Area, name: string, detail: string, advice: string): Finding {
  return { area, name, severity: "warn", detail, advice };
}

export function fail(area: Area, name: string, detail: string, advice: string): Finding {
  return { area, name, severity: "fail", detail, advice };
}
