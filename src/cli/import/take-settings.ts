import type { ForeignTable } from "./foreign-document.ts";
import type { Takeover } from "./takeover.ts";

/** What becomes of a setting that is not as the other engine has it by default. */
export type SettingRule =
  /** It is so here too, whatever it says, or of no concern to anybody outside that engine. */
  | { readonly kind: "silent" }
  /** Values with which there is nothing to say; any other is told with the reason. */
  | { readonly kind: "told"; readonly usual: readonly unknown[]; readonly why: string }
  | {
      readonly kind: "taken";
      readonly usual: readonly unknown[];
      /** crib's settings for it, or why there are none. */
      readonly as: (value: unknown) => ForeignTable | string;
    };

export type SettingRules = Readonly<Record<string, SettingRule>>;

export const silent: SettingRule = { kind: "silent" };

export function told(usual: unknown, why: string): SettingRule {
  return { kind: "told", usual: [usual], why };
}

export function taken(usual: unknown, as: (value: unknown) => ForeignTable | string): SettingRule {
  return { kind: "taken", usual: [usual], as };
}

/** Goes through a table's own settings; tables in it are left to others. What no rule knows is told as well. */
export function takeSettings(takeover: Takeover, table: ForeignTable, where: string, rules: SettingRules): void {
  for (const [name, value] of Object.entries(table)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    const setting = where === "" ? name : `${where}.${name}`;
    if (rule === undefined) {
      if (!isNested(value) && !isEmpty(value)) takeover.refuse(setting, value, "crib has no such setting");
      continue;
    }
    if (rule.kind === "silent" || isEmpty(value) || rule.usual.some((usual) => same(usual, value))) continue;
    if (rule.kind === "told") {
      takeover.refuse(setting, value, rule.why);
      continue;
    }
    const settings = rule.as(value);
    if (typeof settings === "string") takeover.refuse(setting, value, settings);
    else takeover.take(setting, value, settings);
  }
}

function isNested(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What these engines write for "not set". */
function isEmpty(value: unknown): boolean {
  return value === "" || value === undefined || (Array.isArray(value) && value.length === 0);
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** Go's durations ("4h0m0s") in whole seconds, at least one; undefined for what is none. */
export function goSeconds(value: unknown): number | undefined {
  if (typeof value !== "string" || !/^(?:[0-9]+(?:\.[0-9]+)?(?:h|ms|m|s))+$/.test(value)) return undefined;
  let seconds = 0;
  for (const [, number = "0", unit = "s"] of value.matchAll(/([0-9.]+)(h|ms|m|s)/g))
    seconds += Number(number) * (units[unit] ?? 0);
  return seconds === 0 ? 0 : Math.max(1, Math.round(seconds));
}

/** Settings from a duration, or why there are none. */
export function fromSeconds(as: (seconds: number) => ForeignTable): (value: unknown) => ForeignTable | string {
  return (value) => {
    const seconds = goSeconds(value);
    return seconds === undefined ? "is no duration" : as(seconds);
  };
}
