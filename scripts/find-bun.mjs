import { statSync } from "node:fs";
import { join } from "node:path";

/**
 * The places the `bun` package's binary can be: where its postinstall moves it, or, with install scripts switched off (then the
 * first place holds a small stub that only complains), where the platform's package unpacks it.
 */
const places = ["node_modules/bun/bin/bun.exe", "node_modules/@oven/bun-linux-x64/bin/bun"];
const SMALLEST_REAL_BINARY_BYTES = 1_000_000;

/** The path of a Bun that can run, or undefined. */
export function findBun() {
  const root = join(import.meta.dirname, "..");
  return places.map((place) => join(root, place)).find(isRealBinary);
}

function isRealBinary(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size > SMALLEST_REAL_BINARY_BYTES;
}
