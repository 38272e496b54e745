import { CribError } from "../errors/crib-error.ts";

/** What JSON of strangers may be. Everything else about it is the same wherever it comes from (docs/decisions/0110). */
export interface ForeignRules {
  readonly maxBytes: number;
  /**
   * A key twice in an object, also when the two differ in case: refused where a digest stands for the document, because two
   * readers that differ on it would read two images from one digest. Elsewhere the last one counts, as for Go.
   */
  readonly repeatedKeys: "refused" | "last-counts";
}

/** Documents that a digest stands for: manifests, indexes, image configs. */
export const digestedDocument: ForeignRules = Object.freeze({
  maxBytes: 4 * 1024 * 1024,
  repeatedKeys: "refused",
});

/** Answers of servers and programs, and files that an operator or a package wrote. */
export const plainDocument: ForeignRules = Object.freeze({ maxBytes: 1024 * 1024, repeatedKeys: "last-counts" });

/** A number that is no whole number of at most fifteen digits as it stands: kept as written, so that no bit is lost. */
export class NumberAsWritten {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

const maxDepth = 64;
/** In all, and of one object: an index of ten thousand manifests has less than the first, the labels of any image than the second. */
const maxKeys = 200_000;
const maxKeysOfObject = 10_000;
/** Objects and lists; that index has two a manifest. */
const maxContainers = 100_000;
/** Of more keys a set is made: comparing a few is faster, and most objects have a few. */
const maxCompared = 8;
/** Keys included: more would hold the event loop for longer than anybody may. */
const maxStrings = 250_000;
const maxPlainDigits = 15;

/**
 * Parses JSON from strangers as Go's encoding/json would, whose programs wrote most of it and read all of it: bytes that are no
 * UTF-8 become U+FFFD, and a byte order mark is no JSON. Bounded in bytes, depth and keys, so that a million brackets overflow
 * nothing. Read the result with ForeignObject, which knows about null and the case of keys.
 *
 * @param what names the document in errors, which never quote its values.
 * @throws {CribError} data-loss.
 */
export function parseForeignJson(document: Uint8Array | string, what: string, rules: ForeignRules): unknown {
  if (document.length > rules.maxBytes) throw malformed(`${what} is longer than ${rules.maxBytes} bytes`);
  const text =
    typeof document === "string"
      ? document
      : new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(document);
  const { oddNumbers } = checkShape(text, what, rules);
  try {
    return oddNumbers ? JSON.parse(text, keepOddNumbers) : JSON.parse(text);
  } catch {
    // The parser's own words would quote the document, which may hold a secret.
    throw malformed(`${what} is not JSON`);
  }
}

function malformed(message: string): CribError {
  return new CribError("data-loss", message);
}

function keepOddNumbers(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  return typeof value === "number" && source !== undefined && isOdd(source) ? new NumberAsWritten(source) : value;
}

function isOdd(source: string): boolean {
  return source.length > maxPlainDigits || !/^-?[0-9]+$/.test(source);
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Follows brackets, keys and numbers only; JSON.parse does the rest. */
function checkShape(text: string, what: string, rules: ForeignRules): { readonly oddNumbers: boolean } {
  const nesting = new Nesting(what, rules);
  let oddNumbers = false;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const end = endOfString(text, at);
      nesting.string();
      if (nesting.inObject && nextIsColon(text, end)) nesting.key(text.slice(at, end));
      at = end;
    } else if (isNumberPart(code)) {
      const start = at;
      while (at < text.length && isNumberPart(text.charCodeAt(at))) at++;
      const exponent = text[at] === "e" || text[at] === "E";
      oddNumbers ||= exponent || isOdd(text.slice(start, Math.min(at, start + 64)));
    } else {
      if (code === openBrace || code === openBracket) nesting.enter(code === openBrace);
      else if (code === closeBrace || code === closeBracket) nesting.leave();
      at++;
    }
  }
  return { oddNumbers };
}

interface OpenObject {
  count: number;
  readonly few: string[];
  many: Set<string> | undefined;
}

/** The objects and lists that are open, and the keys so far of each. */
class Nesting {
  readonly #what: string;
  readonly #rules: ForeignRules;
  /** Undefined for a list. */
  readonly #open: (OpenObject | undefined)[] = [];
  #keys = 0;
  #containers = 0;
  #strings = 0;

  constructor(what: string, rules: ForeignRules) {
    this.#what = what;
    this.#rules = rules;
  }

  get inObject(): boolean {
    return this.#open.at(-1) !== undefined;
  }

  enter(isObject: boolean): void {
    if (++this.#containers > maxContainers)
      throw malformed(`${this.#what} has more than ${maxContainers} objects and lists`);
    this.#open.push(isObject ? { count: 0, few: [], many: undefined } : undefined);
    if (this.#open.length > maxDepth) throw malformed(`${this.#what} is nested deeper than ${maxDepth}`);
  }

  leave(): void {
    this.#open.pop();
  }

  string(): void {
    if (++this.#strings > maxStrings) throw malformed(`${this.#what} has more than ${maxStrings} strings`);
  }

  /** @param quoted the key as written, with its quotes: `\u0061` and `a` are the same key. */
  key(quoted: string): void {
    if (++this.#keys > maxKeys) throw malformed(`${this.#what} has more than ${maxKeys} keys`);
    const object = this.#open.at(-1);
    if (object === undefined) return;
    if (++object.count > maxKeysOfObject)
      throw malformed(`${this.#what} has an object of more than ${maxKeysOfObject} keys`);
    if (this.#rules.repeatedKeys !== "refused") return;
    const key = quoted.includes("\\") ? unescapeKey(quoted, this.#what) : quoted;
    if (object.many?.has(key) ?? object.few.includes(key))
      throw malformed(`${this.#what} has the key ${key.slice(0, 80)} twice`);
    if (object.many !== undefined) object.many.add(key);
    else if (object.few.push(key) > maxCompared) object.many = new Set(object.few);
  }
}

/** Digits, sign and point. `1e9` is seen as two numbers, the first of which ends in the exponent's letter. */
function isNumberPart(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x2b || code === 0x2e;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === backslash) at++;
    else if (code === quote) return at + 1;
  }
  return text.length;
}

function nextIsColon(text: string, from: number): boolean {
  let at = from;
  while (isBlank(text.charCodeAt(at))) at++;
  return text.charCodeAt(at) === colon;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x09 || code === 0x0d;
}

/** The key without its escapes, in quotes again. */
function unescapeKey(key: string, what: string): string {
  try {
    return `"${String(JSON.parse(key))}"`;
  } catch {
    throw malformed(`${what} is not JSON`);
  }
}
