import { CribError } from "../../errors/crib-error.ts";

const maxDepth = 64;

/**
 * Parses JSON from strangers: at most `maxDepth` deep, no key twice in an object. Two parsers that differ on a doubled
 * key would read two images from one digest; a million brackets would overflow a recursive one.
 *
 * @param what names the document in errors.
 * @throws {CribError} data-loss.
 */
export function parseStrictJson(bytes: Uint8Array, what: string): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CribError("data-loss", `${what} is not UTF-8`, { cause: error });
  }
  checkShape(text, what);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CribError("data-loss", `${what} is not JSON`, { cause: error });
  }
}

/** Follows brackets and keys only; JSON.parse does the rest. */
function checkShape(text: string, what: string): void {
  // One set of keys for each open object, undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; ) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      const keys = open.at(-1);
      if (keys !== undefined && nextIsColon(text, end)) addKey(keys, text.slice(at, end), what);
      at = end;
      continue;
    }
    if (character === "}" || character === "]") open.pop();
    else if (character === "{" || character === "[") open.push(character === "{" ? new Set() : undefined);
    if (open.length > maxDepth) throw new CribError("data-loss", `${what} is nested deeper than ${maxDepth}`);
    at++;
  }
}

/** @param quoted the key as written, with its quotes: `\u0061` and `a` are the same key. */
function addKey(keys: Set<string>, quoted: string, what: string): void {
  const key = quoted.includes("\\") ? unescapeKey(quoted, what) : quoted.slice(1, -1);
  if (keys.has(key)) throw new CribError("data-loss", `${what} has the key ${JSON.stringify(key.slice(0, 80))} twice`);
  keys.add(key);
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

function nextIsColon(text: string, from: number): boolean {
  let at = from;
  while (at < text.length && (text[at] === " " || text[at] === "\n" || text[at] === "\t" || text[at] === "\r")) at++;
  return text[at] === ":";
}

function unescapeKey(key: string, what: string): string {
  try {
    return String(JSON.parse(key));
  } catch (error) {
    throw new CribError("data-loss", `${what} is not JSON`, { cause: error });
  }
}
