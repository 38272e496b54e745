import { CribError } from "../errors/crib-error.ts";
import { type ForeignRules, NumberAsWritten, parseForeignJson } from "./foreign-json.ts";

/** An index may have ten thousand manifests; nothing else comes near. */
const maxListEntries = 16_384;

/**
 * A JSON object of strangers whose fields are read one by one, each with its type, the way Go reads them into a struct: what is
 * not asked for is ignored, null is absent, a field's name matches in any case, its exact spelling first. Fields are named in
 * errors by their path; values never are.
 */
export class ForeignObject {
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #where: string;
  readonly #rules: ForeignRules;
  /** Spellings by folded name; made when an exact name is not enough. */
  #spellings: Map<string, string[]> | undefined;

  /** @throws {CribError} data-loss when `value` is no object. */
  constructor(value: unknown, where: string, rules: ForeignRules) {
    if (!isObject(value)) throw wrong(where, "an object");
    this.#fields = new Map(Object.entries(value));
    this.#where = where;
    this.#rules = rules;
  }

  /** Whether the field is there and not null. */
  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  /** Absent and null are "". */
  text(name: string): string {
    return this.#asText(name, this.#value(name));
  }

  /** Absent and null are undefined. `1.0` and `1e3` are no whole numbers, as for Go. */
  wholeNumber(name: string): number | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || value < 0) throw wrong(this.#path(name), "a whole number");
    return value;
  }

  /** Of at most 64 bits, without a sign. Absent and null are undefined. */
  unsigned64(name: string): bigint | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    const source = value instanceof NumberAsWritten ? value.source : typeof value === "number" ? String(value) : "";
    const number = /^[0-9]{1,20}$/.test(source) ? BigInt(source) : -1n;
    if (number < 0n || number > 0xffff_ffff_ffff_ffffn) throw wrong(this.#path(name), "a whole number of 64 bits");
    return number;
  }

  /** Absent and null are the empty list; a null in it is left out. */
  texts(name: string): readonly string[] {
    const texts: string[] = [];
    for (const [index, value] of this.#list(name).entries()) {
      if (value === null) continue;
      if (typeof value !== "string") throw wrong(`${this.#path(name)}[${index}]`, "a string");
      texts.push(value.toWellFormed());
    }
    return texts;
  }

  objects(name: string): readonly ForeignObject[] {
    return this.#list(name).map((value, index) => this.#child(value, `${this.#path(name)}[${index}]`));
  }

  object(name: string): ForeignObject | undefined {
    const value = this.#value(name);
    return value === undefined ? undefined : this.#child(value, this.#path(name));
  }

  /** The object as a map, whose keys are data and mean what they spell. */
  keys(): readonly string[] {
    return [...this.#fields.keys()];
  }

  /** What the map has under `key`; absent and null are "". */
  textAt(key: string): string {
    return this.#asText(key, this.#fields.get(key));
  }

  /** What the map has under `key`; absent and null are undefined. */
  objectAt(key: string): ForeignObject | undefined {
    const value = this.#fields.get(key) ?? undefined;
    return value === undefined ? undefined : this.#child(value, this.#path(key));
  }

  #asText(name: string, value: unknown): string {
    if (value === undefined || value === null) return "";
    if (typeof value !== "string") throw wrong(this.#path(name), "a string");
    return value.toWellFormed();
  }

  #child(value: unknown, where: string): ForeignObject {
    return new ForeignObject(value, where, this.#rules);
  }

  #list(name: string): readonly unknown[] {
    const value = this.#value(name) ?? [];
    if (!Array.isArray(value)) throw wrong(this.#path(name), "a list");
    if (value.length > maxListEntries) {
      throw new CribError("data-loss", `${this.#path(name)} has ${value.length} entries, over ${maxListEntries}`);
    }
    return value;
  }

  /** Undefined when absent or null. */
  #value(name: string): unknown {
    this.#spellings ??= groupSpellings(this.#fields.keys());
    const spellings = this.#spellings.get(fold(name)) ?? [];
    if (spellings.length > 1 && this.#rules.repeatedKeys === "refused") {
      throw new CribError("data-loss", `${this.#path(name)} is there in ${spellings.length} spellings`);
    }
    const spelling = spellings.includes(name) ? name : spellings.at(-1);
    return spelling === undefined ? undefined : (this.#fields.get(spelling) ?? undefined);
  }

  #path(name: string): string {
    return `${this.#where}: ${name.slice(0, 80)}`;
  }
}

/** Parses a document that must be one object. @throws {CribError} data-loss, as parseForeignJson and ForeignObject do. */
export function parseForeignObject(document: Uint8Array | string, what: string, rules: ForeignRules): ForeignObject {
  return new ForeignObject(parseForeignJson(document, what, rules), what, rules);
}

/**
 * One field of an object that is passed on as it came, and so is not made a ForeignObject: null is absent, any case matches, the
 * exact spelling first.
 */
export function foreignField(object: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name] ?? undefined;
  const spelling = Object.keys(object).findLast((key) => fold(key) === fold(name));
  return spelling === undefined ? undefined : (object[spelling] ?? undefined);
}

/** Unicode's simple folding as far as it reaches ASCII names: the Kelvin sign is a k, the long s an s. */
function fold(name: string): string {
  return name.replaceAll("\u017f", "s").toLowerCase();
}

function groupSpellings(names: Iterable<string>): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const folded = fold(name);
    const group = groups.get(folded);
    if (group === undefined) groups.set(folded, [name]);
    else group.push(name);
  }
  return groups;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof NumberAsWritten);
}

function wrong(where: string, expected: string): CribError {
  return new CribError("data-loss", `${where} is not ${expected}`);
}
