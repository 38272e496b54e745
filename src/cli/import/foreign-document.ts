/** A table of another engine's configuration, as it was parsed. Nothing is known about what is in it. */
export type ForeignTable = Readonly<Record<string, unknown>>;

export function isTable(value: unknown): value is ForeignTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The table at a path; one that is not there, or is something else, is empty. */
export function tableAt(table: ForeignTable, ...path: readonly string[]): ForeignTable {
  return path.reduce<ForeignTable>((inner, name) => {
    const value = Object.hasOwn(inner, name) ? inner[name] : undefined;
    return isTable(value) ? value : {};
  }, table);
}

/**
 * What a later file says, over what earlier ones said: tables are merged, lists joined, everything else replaced. It is how
 * containerd and CRI-O read their drop-ins.
 */
export function mergeTables(earlier: ForeignTable, later: ForeignTable): ForeignTable {
  const merged = new Map<string, unknown>(Object.entries(earlier));
  for (const [name, value] of Object.entries(later)) {
    const before = merged.get(name);
    if (isTable(before) && isTable(value)) merged.set(name, mergeTables(before, value));
    else if (Array.isArray(before) && Array.isArray(value)) merged.set(name, [...new Set([...before, ...value])]);
    else merged.set(name, value);
  }
  return Object.fromEntries(merged);
}

/** A text; "" for what is not there, or is none. */
export function textAt(table: ForeignTable, name: string): string {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  return typeof value === "string" ? value : "";
}

/** A list; empty for what is not there, or is none. */
export function listAt(table: ForeignTable, name: string): readonly unknown[] {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  return Array.isArray(value) ? value : [];
}
