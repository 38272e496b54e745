declare global {
  interface JSON {
    /** ES2026: a number as it is written, whatever a double can hold. */
    rawJSON(text: string): unknown;
  }
}

/**
 * A spec, or what has one in it, as JSON that programs in Go can read: a limit of 2⁶⁴-1 or 2⁶³-1 is the next double here, which
 * would be written as a number that fits no 64 bits, and the whole document be refused for it.
 */
export function specJson(document: unknown): string {
  return JSON.stringify(document, (_key, value: unknown) =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)
      ? JSON.rawJSON(String(withinBits(BigInt(value))))
      : value,
  );
}

function withinBits(value: bigint): bigint {
  if (value === 2n ** 64n || value === 2n ** 63n) return value - 1n;
  return value;
}
