import type { SpecSyscallArg } from "../runtime-spec.ts";

/** Comparisons of a call's arguments that hold together: at most one an argument, which is what libseccomp can compare. */
export type Conditions = ReadonlyMap<number, Comparison>;

/** What one argument is compared with; `mask` only for masked-eq. Values are unsigned, of 64 bits. */
export type Comparison =
  | { readonly op: "eq" | "ne" | "lt" | "gt"; readonly value: bigint }
  | { readonly op: "masked-eq"; readonly mask: bigint; readonly value: bigint };

/** Some arguments are like that, and libseccomp has no comparison that says so. */
export type Inexpressible = "inexpressible";

const highest = 0xffff_ffff_ffff_ffffn;
export const always: Conditions = new Map();

/** A rule's arguments, in the few operators reasoned about here. undefined: no argument can be like that. */
export function readComparison({ op, value, valueTwo }: SpecSyscallArg): Comparison | undefined {
  const of = BigInt(value);
  switch (op) {
    case "SCMP_CMP_EQ":
      return { op: "eq", value: of };
    case "SCMP_CMP_NE":
      return { op: "ne", value: of };
    case "SCMP_CMP_LT":
      return of === 0n ? undefined : { op: "lt", value: of };
    case "SCMP_CMP_GT":
      return of === highest ? undefined : { op: "gt", value: of };
    // One past the end is no value: everything is so, which "not 2⁶⁴-1 or 2⁶⁴-1" could say only in two rules.
    case "SCMP_CMP_LE":
      return of === highest ? { op: "masked-eq", mask: 0n, value: 0n } : { op: "lt", value: of + 1n };
    case "SCMP_CMP_GE":
      return of === 0n ? { op: "masked-eq", mask: 0n, value: 0n } : { op: "gt", value: of - 1n };
    default:
      return { op: "masked-eq", mask: of, value: BigInt(valueTwo ?? 0) };
  }
}

const operators = { eq: "SCMP_CMP_EQ", ne: "SCMP_CMP_NE", lt: "SCMP_CMP_LT", gt: "SCMP_CMP_GT" } as const;

export function writeConditions(conditions: Conditions): readonly SpecSyscallArg[] {
  return [...conditions].map(([index, comparison]) =>
    comparison.op === "masked-eq"
      ? { index, value: plain(comparison.mask), valueTwo: plain(comparison.value), op: "SCMP_CMP_MASKED_EQ" }
      : { index, value: plain(comparison.value), op: operators[comparison.op] },
  );
}

/** As the spec keeps numbers: text where a double would lose bits. */
function plain(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);
}

/** Both at once, as alternatives; none: that can never be. */
export function both(a: Conditions, b: Conditions): readonly Conditions[] | Inexpressible {
  let joined: readonly Conditions[] = [a];
  let inexpressible = false;
  for (const [index, comparison] of b) {
    const other = a.get(index);
    const results = other === undefined ? [comparison] : bothOfOne(other, comparison);
    if (results === "inexpressible") inexpressible = true;
    // One that can never be makes the whole never be, whatever else cannot be said.
    else if (results.length === 0) return [];
    else joined = joined.flatMap((known) => results.map((result) => new Map([...known, [index, result]])));
  }
  return inexpressible ? "inexpressible" : joined;
}

/** A range between two bounds is its values, one by one, as long as they are few: families of sockets, flags, commands. */
const maxValues = 64n;

function bothOfOne(a: Comparison, b: Comparison): readonly Comparison[] | Inexpressible {
  if (a.op === "eq") return holds(b, a.value) ? [a] : [];
  if (b.op === "eq") return holds(a, b.value) ? [b] : [];
  if (same(a, b) || isAnything(b)) return [a];
  if (isAnything(a)) return [b];
  if (a.op === "masked-eq" || b.op === "masked-eq") {
    const clash = a.op === "masked-eq" && b.op === "masked-eq" && a.mask === b.mask;
    return clash ? [] : "inexpressible";
  }
  if (a.op === b.op && a.op !== "ne") return [(a.op === "lt") === a.value < b.value ? a : b];
  return valuesOf(a, b);
}

function valuesOf(a: Comparison, b: Comparison): readonly Comparison[] | Inexpressible {
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const)
    if (one.op === "ne" && !holds(other, one.value)) return [other];
  const first = [a, b].reduce((low, { op, value }) => (op === "gt" && value + 1n > low ? value + 1n : low), 0n);
  const last = [a, b].reduce((high, { op, value }) => (op === "lt" && value - 1n < high ? value - 1n : high), highest);
  if (last - first >= maxValues) return "inexpressible";
  const values: Comparison[] = [];
  for (let value = first; value <= last; value++) {
    if (holds(a, value) && holds(b, value)) values.push({ op: "eq", value });
  }
  return values;
}

/** Everything else, as alternatives; those that no comparison says are left out and told by `whole`. */
export function opposite(conditions: Conditions): {
  readonly alternatives: readonly Conditions[];
  readonly whole: boolean;
} {
  let whole = true;
  const alternatives = [...conditions].flatMap(([index, comparison]) => {
    const result = oppositeOfOne(comparison);
    if (result === "inexpressible") whole = false;
    return result === undefined || result === "inexpressible" ? [] : [new Map([[index, result]])];
  });
  return { alternatives, whole };
}

/** undefined: it holds always. */
function oppositeOfOne(comparison: Comparison): Comparison | Inexpressible | undefined {
  switch (comparison.op) {
    case "eq":
      return { op: "ne", value: comparison.value };
    case "ne":
      return { op: "eq", value: comparison.value };
    case "lt":
      return comparison.value === 0n ? "inexpressible" : notBelow(comparison.value);
    case "gt":
      return comparison.value === highest ? "inexpressible" : { op: "lt", value: comparison.value + 1n };
    case "masked-eq":
      return isAnything(comparison) ? undefined : "inexpressible";
  }
}

function notBelow(value: bigint): Comparison {
  return { op: "gt", value: value - 1n };
}

function isAnything(comparison: Comparison): boolean {
  return comparison.op === "masked-eq" && comparison.mask === 0n && comparison.value === 0n;
}

function holds(comparison: Comparison, value: bigint): boolean {
  switch (comparison.op) {
    case "eq":
      return value === comparison.value;
    case "ne":
      return value !== comparison.value;
    case "lt":
      return value < comparison.value;
    case "gt":
      return value > comparison.value;
    case "masked-eq":
      return (value & comparison.mask) === comparison.value;
  }
}

function same(a: Comparison, b: Comparison): boolean {
  return a.op === b.op && a.value === b.value && (a.op !== "masked-eq" || (b.op === "masked-eq" && a.mask === b.mask));
}
