import { invalidArgument } from "../../errors/crib-error.ts";

const factors: Readonly<Record<string, bigint>> = {
  "": 1n,
  b: 1n,
  k: 1n << 10n,
  m: 1n << 20n,
  g: 1n << 30n,
  t: 1n << 40n,
};

/** `64m`, `1.5g`, `512KiB`, `1048576` → bytes, every unit a power of 1024. @throws {CribError} invalid-argument. */
export function parseByteSize(text: string, what: string): bigint {
  const match = /^(\d+)(?:\.(\d{1,3}))?([bkmgt]?)(?:i?b)?$/i.exec(text);
  const factor = factors[match?.[3]?.toLowerCase() ?? ""];
  if (match === null || factor === undefined) {
    throw invalidArgument(`${what} ${JSON.stringify(text)} is not a size: write it like 64m or 1.5g`);
  }
  const thousandths = BigInt(match[1] ?? 0) * 1000n + BigInt((match[2] ?? "").padEnd(3, "0"));
  return (thousandths * factor) / 1000n;
}
