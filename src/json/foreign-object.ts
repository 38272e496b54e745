import { CribError } from "../../errors/crib-error.ts";

/** A JSON object whose fields are read one by one, each with its type, and named in errors by its path. */
export class JsonFields {
  readonly #fields: ReadonlyMap<string, unknown>;
  readonly #where: string;

  constructor(value: unknown, where: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(where, "an object");
    this.#fields = new Map(Object.entries(value));
    this.#where = where;
  }

  has(name: string): boolean {
    const value = this.#fields.get(name);
    return value !== undefined && value !== null;
  }

  /** Absent and null are "". */
  text(name: string): string {
    const value = this.#fields.get(name) ?? "";
    if (typeof value !== "string") throw wrong(this.#path(name), "a string");
    return value;
  }

  /** Absent and null are undefined. */
  wholeNumber(name: string): number | undefined {
    const value = this.#fields.get(name) ?? undefined;
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
      throw wrong(this.#path(name), "a whole number");
    return value;
  }

  /** Absent and null are the empty list. */
  texts(name: string): readonly string[] {
    return this.#list(name).map((value, index) => {
      if (typeof value !== "string") throw wrong(`${this.#path(name)}[${index}]`, "a string");
      return value;
    });
  }

  objects(name: string): readonly JsonFields[] {
    return this.#list(name).map((value, index) => new JsonFields(value, `${this.#path(name)}[${index}]`));
  }

  object(name: string): JsonFields | undefined {
    return this.has(name) ? new JsonFields(this.#fields.get(name), this.#path(name)) : undefined;
  }

  /** Names of this object's own fields, in order. */
  names(): readonly string[] {
    return [...this.#fields.keys()];
  }

  #list(name: string): readonly unknown[] {
    const value = this.#fields.get(name) ?? [];
    if (!Array.isArray(value)) throw wrong(this.#path(name), "a list");
    return value;
  }

  #path(name: string): string {
    return `${this.#where}: ${name.slice(0, 80)}`;
  }
}

function wrong(where: string, expected: string): CribError {
  return new CribError("data-loss", `${where} is not ${expected}`);
}
