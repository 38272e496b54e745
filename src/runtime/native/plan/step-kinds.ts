import { stepNumbers } from "../wire-numbers.ts";
import type { PlanStep } from "./steps.ts";

/** Numbers of the steps on the wire. */
export const stepKinds = stepNumbers satisfies Record<PlanStep["kind"], number>;

const names = new Map<number, string>(Object.entries(stepKinds).map(([name, number]) => [number, name]));

/** The name of a step as the C side numbers it; undefined for 0, which means no step of a plan. */
export function stepName(number: number): string | undefined {
  return number === 0 ? undefined : (names.get(number) ?? `step kind ${number}`);
}
