import type { SpecSeccomp, SpecSyscall, SpecSyscallArg } from "../runtime-spec.ts";
import { always, both, type Conditions, opposite, readComparison, writeConditions } from "./conditions.ts";

/** What is done with a call. */
interface Verdict {
  readonly action: string;
  readonly errnoRet: number | undefined;
}

/** What a profile does with one call: under each of the conditions, and else. */
interface Decision {
  readonly branches: readonly { readonly when: Conditions; readonly verdict: Verdict }[];
  readonly otherwise: Verdict;
}

/** The kernel's order of actions where several filters answer (seccomp(2)), which is also that of runtime-spec#1317. */
const strictness = ["ALLOW", "LOG", "TRACE", "NOTIFY", "ERRNO", "TRAP", "KILL_THREAD", "KILL_PROCESS"];

/** More alternatives than any profile in the field makes: beyond, the call is refused as a whole. */
const maxAlternatives = 256;

/**
 * The profile that permits what both permit: of each call the stricter of both verdicts, the first profile's where they are as
 * strict. It is one profile, so that the spec stays one document and an exec runs under the same.
 *
 * Where the two compare one argument in ways that no single comparison says together, the part in doubt is treated as calls
 * that neither names: never more is permitted than by both.
 */
export function intersectProfiles(profile: SpecSeccomp, base: SpecSeccomp): SpecSeccomp {
  const [own, basic] = [decisionsOf(profile), decisionsOf(base)];
  const fallback = stricter(defaultOf(profile), defaultOf(base));
  const merged = new Map<string, { readonly rule: Omit<SpecSyscall, "names">; readonly names: string[] }>();
  const known: string[] = [];
  for (const name of new Set([...own.keys(), ...basic.keys()])) {
    const mine = own.get(name) ?? { branches: [], otherwise: defaultOf(profile) };
    const theirs = basic.get(name) ?? { branches: [], otherwise: defaultOf(base) };
    const rules = rulesOf(meet(mine, theirs), fallback);
    if (rules.length === 0) known.push(name);
    for (const rule of rules) {
      const key = JSON.stringify(rule);
      const group = merged.get(key) ?? { rule, names: [] };
      group.names.push(name);
      merged.set(key, group);
    }
  }
  const flags = mergedFlags(profile.flags ?? [], base.flags ?? []);
  return {
    defaultAction: fallback.action,
    ...(fallback.errnoRet !== undefined && { defaultErrnoRet: fallback.errnoRet }),
    architectures: profile.architectures.filter((name) => base.architectures.includes(name)),
    ...(flags.length > 0 && { flags }),
    syscalls: [
      ...[...merged.values()].map(({ rule, names }) => ({ names, ...rule })),
      // A call that a profile names is refused as it says; one that is newer than all it names does not exist for it (ENOSYS).
      ...(known.length > 0 ? [{ names: known, ...ruleOf(fallback, always) }] : []),
    ],
  };
}

function decisionsOf(profile: SpecSeccomp): ReadonlyMap<string, Decision> {
  const branches = new Map<string, Decision["branches"][number][]>();
  const named = new Map<string, Verdict>();
  for (const { names, action, errnoRet, args = [] } of profile.syscalls) {
    const verdict = { action, errnoRet };
    const alternatives = conditionsOf(args);
    for (const name of names) {
      // Two rules without conditions contradict each other: the stricter is meant, to be safe.
      if (args.length === 0) named.set(name, stricter(named.get(name) ?? verdict, verdict));
      branches.set(name, [...(branches.get(name) ?? []), ...alternatives.map((when) => ({ when, verdict }))]);
    }
  }
  return new Map(
    [...branches].map(([name, found]) => [
      name,
      {
        branches: found.filter(({ when }) => when.size > 0),
        otherwise: named.get(name) ?? found.find(({ when }) => when.size === 0)?.verdict ?? defaultOf(profile),
      },
    ]),
  );
}

/** One argument compared twice in a rule makes alternatives of all its comparisons, as for runc. */
function conditionsOf(args: readonly SpecSyscallArg[]): readonly Conditions[] {
  const read = args.map((arg) => [arg.index, readComparison(arg)] as const);
  const repeated = new Set(args.map(({ index }) => index)).size < args.length;
  const sayable = read.flatMap(([index, comparison]) =>
    comparison === undefined ? [] : [[index, comparison] as const],
  );
  if (repeated) return sayable.map(([index, comparison]) => new Map([[index, comparison]]));
  return sayable.length < read.length ? [] : [new Map(sayable)];
}

/**
 * The decision of both at once. What cannot be said as one comparison is left to `otherwise` where that is stricter, and
 * refused on the larger region where it is not.
 */
function meet(a: Decision, b: Decision): Decision {
  const otherwise = stricter(a.otherwise, b.otherwise);
  const branches: Decision["branches"][number][] = [];
  const add = (when: Conditions, within: readonly Conditions[], whole: boolean, verdict: Verdict) => {
    const regions = within.map((other) => both(when, other));
    const sayable = regions.flatMap((region) => (region === "inexpressible" ? [] : region));
    const covered = whole && !regions.includes("inexpressible");
    if (covered || rank(verdict) <= rank(otherwise))
      branches.push(...sayable.map((region) => ({ when: region, verdict })));
    else branches.push({ when, verdict });
  };
  for (const mine of a.branches) {
    for (const theirs of b.branches) add(mine.when, [theirs.when], true, stricter(mine.verdict, theirs.verdict));
  }
  const [outsideA, outsideB] = [outsideOf(a), outsideOf(b)];
  for (const { when, verdict } of a.branches)
    add(when, outsideB.regions, outsideB.whole, stricter(verdict, b.otherwise));
  for (const { when, verdict } of b.branches)
    add(when, outsideA.regions, outsideA.whole, stricter(a.otherwise, verdict));
  return { branches, otherwise };
}

/** Where none of a decision's branches applies, as alternatives; what cannot be said is left out and told by `whole`. */
function outsideOf({ branches }: Pick<Decision, "branches">): {
  readonly regions: readonly Conditions[];
  readonly whole: boolean;
} {
  let regions: readonly Conditions[] = [always];
  let whole = true;
  for (const { when } of branches) {
    const rest = opposite(when);
    const joined = regions.flatMap((region) => rest.alternatives.map((alternative) => both(region, alternative)));
    whole &&= rest.whole && !joined.includes("inexpressible");
    regions = joined.flatMap((region) => (region === "inexpressible" ? [] : region));
    if (regions.length > maxAlternatives) return { regions: [], whole: false };
  }
  return { regions, whole };
}

/**
 * A decision as rules beside the default. libseccomp takes no rule that does as the default does, and none with conditions
 * beside one without: what holds "else" is said by the opposite of all conditions.
 */
function rulesOf({ branches, otherwise }: Decision, fallback: Verdict): readonly Omit<SpecSyscall, "names">[] {
  const differing = branches.filter(({ verdict }) => !equal(verdict, otherwise));
  if (differing.length === 0) return equal(otherwise, fallback) ? [] : [ruleOf(otherwise, always)];
  const outside = outsideOf({ branches: differing });
  // Refusing more than the default does must hold everywhere: not where comparisons can say it, and nowhere else.
  if (rank(otherwise) > rank(fallback) && !outside.whole) {
    return [ruleOf(differing.map(({ verdict }) => verdict).reduce(stricter, otherwise), always)];
  }
  const rules = differing
    .filter(({ verdict }) => !equal(verdict, fallback))
    .map(({ when, verdict }) => ruleOf(verdict, when));
  if (equal(otherwise, fallback)) return rules;
  return [...rules, ...outside.regions.map((when) => ruleOf(otherwise, when))];
}

function ruleOf({ action, errnoRet }: Verdict, when: Conditions): Omit<SpecSyscall, "names"> {
  const args = writeConditions(when);
  return { action, ...(errnoRet !== undefined && { errnoRet }), ...(args.length > 0 && { args }) };
}

function defaultOf({ defaultAction, defaultErrnoRet }: SpecSeccomp): Verdict {
  return { action: defaultAction, errnoRet: defaultErrnoRet };
}

function stricter(a: Verdict, b: Verdict): Verdict {
  return rank(b) > rank(a) ? b : a;
}

function rank({ action }: Verdict): number {
  const name = action === "SCMP_ACT_KILL" ? "KILL_THREAD" : action.slice("SCMP_ACT_".length);
  const found = strictness.indexOf(name);
  return found === -1 ? strictness.length : found;
}

function equal(a: Verdict, b: Verdict): boolean {
  return rank(a) === rank(b) && (a.errnoRet ?? 1) === (b.errnoRet ?? 1);
}

/** SPEC_ALLOW gives up a defence: both must want it. The others add something: one is enough. */
function mergedFlags(a: readonly string[], b: readonly string[]): readonly string[] {
  const yielding = "SECCOMP_FILTER_FLAG_SPEC_ALLOW";
  return [...new Set([...a, ...b])].filter((flag) => flag !== yielding || (a.includes(flag) && b.includes(flag)));
}
