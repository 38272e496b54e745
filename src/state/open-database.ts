import { Database } from "bun:sqlite";
import { chmodSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { failedPrecondition } from "../errors/crib-error.ts";
import type { HostPath } from "../ids/path.ts";
import { joinHostPath } from "../ids/path.ts";
import type { Log } from "../observe/log.ts";

/** Version of the layout below `<root>`; a newer one is refused, an older one migrated where it is read. */
const layoutVersion = 1;

/**
 * Opens `<root>/meta.db`, the one database of the daemon.
 *
 * WAL with synchronous=FULL: a commit is on the disk when it returns. Writers that need less say so per
 * commit (see `RecordStore.put`). A database that fails its integrity check is moved aside, kept for the
 * operator, and a new one started: running pods are found again through their monitors, images are pulled again.
 *
 * @throws {CribError} failed-precondition when the database was written by a newer crib.
 */
export function openDatabase(root: HostPath, log: Log): Database {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  chmodSync(root, 0o700);
  const path = joinHostPath(root, "meta.db");
  let database = tryOpen(path);
  if (database === undefined) {
    const aside = `${path}.damaged`;
    for (const suffix of ["", "-wal", "-shm"]) {
      if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
    }
    log.error({ path, aside }, "the database is damaged: moved aside, starting with an empty one");
    database = new Database(path, { create: true, strict: true });
  }
  configure(database);
  checkLayout(database, path);
  return database;
}

function tryOpen(path: string): Database | undefined {
  const existed = existsSync(path);
  try {
    const database = new Database(path, { create: true, strict: true });
    if (!existed) return database;
    const check = database.query("PRAGMA quick_check(1)").get() as { readonly quick_check: string } | null;
    if (check?.quick_check === "ok") return database;
    database.close();
    return undefined;
  } catch (error) {
    if (error instanceof Error && error.name === "SQLiteError") return undefined;
    throw error;
  }
}

function configure(database: Database): void {
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run("PRAGMA foreign_keys = ON");
}

function checkLayout(database: Database, path: string): void {
  database.run(
    "CREATE TABLE IF NOT EXISTS layout (only INTEGER PRIMARY KEY CHECK (only = 1), version INTEGER NOT NULL)",
  );
  const row = database.query("SELECT version FROM layout").get() as { readonly version: number } | null;
  if (row === null) {
    database.run("INSERT INTO layout (only, version) VALUES (1, ?)", [layoutVersion]);
  } else if (row.version > layoutVersion) {
    throw failedPrecondition(
      `${path} has layout version ${row.version}, this crib knows ${layoutVersion}: start the newer crib again or use another --root`,
    );
  }
}
