import { invalidArgument } from "../../errors/crib-error.ts";

const multipliers = {
  "": 1n,
  k: 10n ** 3n,
  M: 10n ** 6n,
  G: 10n ** 9n,
  T: 10n ** 12n,
  P: 10n ** 15n,
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
} as const;

const pattern = /^(\d{1,18})(?:\.(\d{1,9}))?(Ki|Mi|Gi|Ti|Pi|[kMGTP])?(?:[eE](\d{1,2}))?$/;
const least = 10n ** 3n;
const most = 10n ** 15n;

/**
 * A Kubernetes quantity of bits per second, rounded up, from 1k to 1P as the API server bounds pod bandwidth.
 *
 * @throws {CribError} invalid-argument
 */
export function parseBandwidth(text: string, what: string): bigint {
  const shown = JSON.stringify(text.slice(0, 60));
  const match = pattern.exec(text);
  if (match === null || (match[3] !== undefined && match[4] !== undefined)) {
    throw invalidArgument(`${what} ${shown} is not a quantity such as 10M`);
  }
  const [, whole = "", fraction = "", suffix = "", exponent = "0"] = match;
  const scale = 10n ** BigInt(fraction.length);
  const value = BigInt(whole + fraction) * multipliers[suffix as keyof typeof multipliers] * 10n ** BigInt(exponent);
  const bits = (value + scale - 1n) / scale;
  if (bits < least || bits > most) throw invalidArgument(`${what} ${shown} is not between 1k and 1P bits per second`);
  return bits;
}
