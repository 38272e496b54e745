/** How a bigint is written: `{"$n":"123"}`. A key of data that looks like it gets another dollar, and loses it when it is read. */
const tag = "$n";

/**
 * JSON with bigints, so that nanoseconds survive exactly. Any text may be a key: annotations are named by strangers.
 */
export function stringifyWithBigints(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === "bigint") return { [tag]: inner.toString() };
    return isMap(inner) ? withKeys(inner, /^\$+n$/, (key) => `$${key}`) : inner;
  });
}

/** @throws {SyntaxError} on text that is not JSON. */
export function parseWithBigints(text: string): unknown {
  return JSON.parse(text, (_key, inner: unknown) => {
    if (!isMap(inner)) return inner;
    const number = Object.hasOwn(inner, tag) ? inner[tag] : undefined;
    if (typeof number === "string") return BigInt(number);
    return withKeys(inner, /^\$\$+n$/, (key) => key.slice(1));
  });
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The same object unless a key has the pattern. */
function withKeys(
  map: Readonly<Record<string, unknown>>,
  pattern: RegExp,
  renamed: (key: string) => string,
): Readonly<Record<string, unknown>> {
  if (!Object.keys(map).some((key) => pattern.test(key))) return map;
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [pattern.test(key) ? renamed(key) : key, value]));
}
