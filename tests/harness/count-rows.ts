import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { Engine } from "./engine.ts";

/** Rows of crib's database that tell this state; they follow the files in the state directory by a moment. */
export function countRows(engine: Engine, table: "sandboxes" | "containers", state: string): number {
  using database = new Database(join(engine.root, "meta.db"), { readonly: true });
  const rows = database.query(`SELECT count(*) AS n FROM ${table} WHERE body LIKE ?`).get(`%"state":"${state}"%`);
  return (rows as { readonly n: number }).n;
}
