import { invalidArgument } from "../errors/crib-error.ts";

/**
 * Checks that `text` reaches C whole: a NUL would cut it short there ("/safe\0/../evil" checks as one path and opens as
 * another), a lone surrogate would turn into another character.
 *
 * @throws {CribError} invalid-argument, naming `what`.
 */
export function cString(text: string, what: string): string {
  if (text.includes("\0")) throw invalidArgument(`${what} ${JSON.stringify(text.slice(0, 200))} contains a NUL byte`);
  if (!text.isWellFormed()) throw invalidArgument(`${what} ${JSON.stringify(text.slice(0, 200))} is not valid Unicode`);
  return text;
}

/** NUL-terminated strings one after another, as `crib_spawn_detached` and `crib_overlay_view` take their lists. */
export function cStrings(texts: readonly string[], what: string): Uint8Array {
  return Buffer.from(texts.map((text) => `${cString(text, what)}\0`).join(""), "utf8");
}
