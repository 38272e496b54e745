type Numbers = Readonly<Record<string, number>>;

/** The members of enums that begin with `prefix`, or the #defines that `named` names; lower case, without the prefix. */
export function numbersInHeader(text: string, prefix: string, named?: readonly string[]): Numbers {
  const form = named === undefined ? `^\\s*${prefix}([A-Z0-9_]+) = ` : `^#define ${prefix}([A-Z0-9_]+)[ \\t]+`;
  const found = [...text.matchAll(new RegExp(`${form}(0x[0-9a-fA-F]+|\\d+)u?\\b`, "gm"))].map(
    ([, name = "", value = ""]) => [name.toLowerCase(), Number(value)] as const,
  );
  return Object.fromEntries(found.filter(([name]) => named?.includes(name) ?? true));
}

/** The same names spelled as the table does: closeStdin and "close-stdin" are close_stdin. */
export function spelledAlike(numbers: Numbers): Numbers {
  return Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [
      name.replaceAll("-", "_").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

/** A line for each name that `found` lacks, has too many, or gives another number than the table. */
export function driftOf(where: string, table: Numbers, found: Numbers): readonly string[] {
  const names = [...new Set([...Object.keys(table), ...Object.keys(found)])];
  return names
    .filter((name) => table[name] !== found[name])
    .map(
      (name) => `${where}: ${name} is ${found[name] ?? "missing"}, the frozen table says ${table[name] ?? "nothing"}`,
    );
}
