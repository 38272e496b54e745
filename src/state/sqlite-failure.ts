import { CribError, dataLoss, unavailable } from "../errors/crib-error.ts";

/**
 * What a failure of SQLite says about the file (https://sqlite.org/rescode.html).
 *
 * - `damaged`: what is in it is no database, or no longer one. The only reason ever to begin anew.
 * - `locked`: another program holds it for now.
 * - `full`: no space or no inode for it.
 * - `refused`: the disk or the kernel would not (I/O error, read-only, cannot be opened): the file may be as good as ever.
 * - `other`: a fault of ours.
 */
export type SqliteFailure = "damaged" | "locked" | "full" | "refused" | "other";

/** Primary result codes; extended ones have them in their low byte. */
const kinds: ReadonlyMap<number, SqliteFailure> = new Map([
  [3, "refused"], // SQLITE_PERM
  [5, "locked"], // SQLITE_BUSY
  [6, "locked"], // SQLITE_LOCKED
  [8, "refused"], // SQLITE_READONLY
  [10, "refused"], // SQLITE_IOERR
  [11, "damaged"], // SQLITE_CORRUPT
  [13, "full"], // SQLITE_FULL
  [14, "refused"], // SQLITE_CANTOPEN
  [15, "locked"], // SQLITE_PROTOCOL
  [26, "damaged"], // SQLITE_NOTADB
]);

/** undefined when `error` does not come from SQLite. */
export function sqliteFailure(error: unknown): SqliteFailure | undefined {
  if (!(error instanceof Error) || error.name !== "SQLiteError") return undefined;
  const errno: unknown = Reflect.get(error, "errno");
  return (typeof errno === "number" ? kinds.get(errno & 0xff) : undefined) ?? "other";
}

/** A failed statement as clients are told of it; errors that are not SQLite's stay as they are. */
export function databaseError(error: unknown, path: string): unknown {
  const kind = sqliteFailure(error);
  const detail = error instanceof Error ? error.message : String(error);
  switch (kind) {
    case undefined:
    case "other":
      return error;
    case "damaged":
      return dataLoss(`the database ${path} is damaged (${detail}): restart crib, it is then made anew`, error);
    case "locked":
      return unavailable(`the database ${path} is locked by another program: end that one`, error);
    case "full":
      return new CribError("resource-exhausted", `no space left on the file system of ${path}`, { cause: error });
    case "refused":
      return unavailable(`the database ${path} cannot be read or written: ${detail}`, error);
  }
}
