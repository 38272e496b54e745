import { CribError, invalidArgument } from "../../errors/crib-error.ts";

/** A field that filters may name; undefined is absent. */
export type FieldOf<Thing> = (thing: Thing, path: readonly string[]) => string | undefined;

type Test = (value: string | undefined) => boolean;
type Selector = { readonly path: readonly string[]; readonly test: Test };

const maxFilters = 64;
const maxLength = 4096;
const field = /^(?:[A-Za-z][A-Za-z0-9_]*|"(?:[^"\\]|\\.)*")/;
const operator = /^(==|!=|~=)/;
const value = /^(?:"(?:[^"\\]|\\.)*"|[^,"]*)/;

/**
 * Filters of containerd's API (its pkg/filters): `labels."a/b"==c,name~=^docker.io/.*`. All selectors of one filter hold for what matches
 * it, and one filter is enough. Of patterns (`~=`) only those are known that say how a text begins, ends or what it has in it, which
 * is what clients send: another's pattern must not hold everybody up.
 *
 * @throws {CribError} invalid-argument for what is no filter, unimplemented for another pattern.
 */
export function parseFilters<Thing>(filters: readonly string[], fieldOf: FieldOf<Thing>): (thing: Thing) => boolean {
  if (filters.length > maxFilters) throw invalidArgument(`${filters.length} filters are more than ${maxFilters}`);
  const all = filters.map(parseFilter);
  if (all.length === 0) return () => true;
  return (thing) => all.some((selectors) => selectors.every(({ path, test }) => test(fieldOf(thing, path))));
}

function parseFilter(text: string): readonly Selector[] {
  if (text.length > maxLength)
    throw invalidArgument(`a filter of ${text.length} characters is longer than ${maxLength}`);
  const selectors: Selector[] = [];
  let rest = text;
  const take = (what: RegExp): string | undefined => {
    const found = what.exec(rest)?.[0];
    if (found !== undefined) rest = rest.slice(found.length);
    return found;
  };
  while (rest !== "") {
    const path: string[] = [];
    do {
      const name = take(field);
      if (name === undefined) throw malformed(text);
      path.push(unquoted(name, text));
    } while (take(/^\./) !== undefined);
    const comparison = take(operator);
    selectors.push({
      path,
      test: testOf(comparison, comparison === undefined ? "" : unquoted(take(value) ?? "", text)),
    });
    if (rest !== "" && (take(/^,/) === undefined || rest === "")) throw malformed(text);
  }
  return selectors;
}

function testOf(comparison: string | undefined, wanted: string): Test {
  switch (comparison) {
    case "==":
      return (found) => found === wanted;
    case "!=":
      return (found) => found !== wanted;
    case "~=":
      return patternOf(wanted);
    default:
      return (found) => found !== undefined;
  }
}

/** "^text", "text$", "^text.*", "text": with dots as they are in names, escaped or not. */
function patternOf(pattern: string): Test {
  const fromStart = pattern.startsWith("^");
  const body = pattern.slice(fromStart ? 1 : 0);
  const toEnd = body.endsWith("$") && !body.endsWith(".*$");
  const text = body
    .replace(/\$$/, "")
    .replace(/\.\*$/, "")
    .replaceAll(/\\([./\-:@_])/g, "$1");
  if (!/^[A-Za-z0-9./\-:@_]*$/.test(text)) {
    throw new CribError(
      "unimplemented",
      `pattern ${JSON.stringify(pattern.slice(0, 80))} is not evaluated: crib knows ^text, text$ and text, each perhaps with .* behind it`,
    );
  }
  return (found) => {
    if (found === undefined) return false;
    if (fromStart && toEnd) return found === text;
    if (fromStart) return found.startsWith(text);
    return toEnd ? found.endsWith(text) : found.includes(text);
  };
}

function unquoted(text: string, filter: string): string {
  if (!text.startsWith('"')) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    throw malformed(filter);
  }
}

function malformed(text: string): CribError {
  return invalidArgument(
    `filter ${JSON.stringify(text.slice(0, 200))} is not understood: write name==value,labels."a/b"==c`,
  );
}
