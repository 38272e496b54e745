import { invalidArgument } from "../../errors/crib-error.ts";

/**
 * Checks that `text` reaches C whole: a NUL would cut it short there ("/safe\0/../evil" checks as one path and opens as
 * another), a lone surrogate would turn into another character. U+DC80…U+DCFF alone stand for the raw bytes 0x80…0xFF of
 * names that are not UTF-8 (`bytesToString`, PEP 383), which file names need not be; these travel as bytes.
 *
 * @throws {CribError} invalid-argument, naming `what`.
 */
export function cString(text: string, what: string): string | Uint8Array {
  if (text.includes("\0")) throw invalidArgument(`${what} ${JSON.stringify(text.slice(0, 200))} contains a NUL byte`);
  if (text.isWellFormed()) return text;
  const bytes = Buffer.concat([...[...text].map((character) => characterBytes(character, text, what)), Buffer.of(0)]);
  return new Uint8Array(bytes);
}

function characterBytes(character: string, text: string, what: string): Uint8Array {
  if (character.isWellFormed()) return Buffer.from(character, "utf8");
  const byte = character.charCodeAt(0) - 0xdc00;
  if (byte >= 0x80 && byte <= 0xff) return Buffer.of(byte);
  throw invalidArgument(`${what} ${JSON.stringify(text.slice(0, 200))} is not valid Unicode`);
}

/** NUL-terminated strings one after another, as `crib_spawn_detached` and `crib_overlay_view` take their lists. */
export function cStrings(texts: readonly string[], what: string): Uint8Array {
  return Buffer.concat(
    texts.map((text) => {
      const checked = cString(text, what);
      return typeof checked === "string" ? Buffer.from(`${checked}\0`, "utf8") : checked;
    }),
  );
}
