/** Plain data as nested arrays that are equal for equal data, for JSON. */
export type Canonical = string | number | boolean | null | readonly Canonical[];

/**
 * What plain data says, whatever order its keys are in: wire format leaves the order of a map's entries open, and Go makes use of
 * that. A member that is undefined is none: a record that was read from JSON has no such member.
 */
export function canonical(value: unknown): Canonical {
  if (Array.isArray(value)) return value.map(canonical);
  switch (typeof value) {
    case "bigint":
      return String(value);
    case "object":
      return value === null ? null : entriesOf(value);
    case "string":
    case "number":
    case "boolean":
      return value;
    default:
      throw new TypeError(`a ${typeof value} is no plain data`);
  }
}

function entriesOf(value: object): Canonical {
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, canonical(inner)]);
}
