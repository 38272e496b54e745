/**
 * JSON with bigints: written as `{"$n":"123"}`, read back as bigint, so that nanoseconds survive exactly.
 */
export function stringifyWithBigints(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "bigint" ? { $n: inner.toString() } : inner,
  );
}

/** @throws {SyntaxError} on text that is not JSON. */
export function parseWithBigints(text: string): unknown {
  return JSON.parse(text, (_key, inner: unknown) => {
    if (typeof inner === "object" && inner !== null && "$n" in inner && typeof inner.$n === "string") {
      return BigInt(inner.$n);
    }
    return inner;
  });
}
