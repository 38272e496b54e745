import { Database } from "bun:sqlite";
import { chmodSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { failedPrecondition } from "../errors/crib-error.ts";
import type { HostPath } from "../ids/path.ts";
import { joinHostPath } from "../ids/path.ts";
import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";
import type { Reserve } from "./reserve.ts";
import { databaseError, sqliteFailure } from "./sqlite-failure.ts";

/** Version of the layout below `<root>`; a newer one is refused, an older one migrated where it is read. */
const layoutVersion = 1;

/** How long a start waits for a file that another program holds or the disk refuses, before it gives up and says so. */
const patienceMs = 60_000;
const pauseMs = 200;
const tellEveryMs = 5_000;
/** While the daemon runs, a statement waits this long, on the event loop; what cannot wait longer is written later. */
const busyTimeoutMs = 20;
/** SQLITE_FCNTL_PERSIST_WAL: the log stays when the daemon ends, with the room it has. */
const persistWal = 10;
/** More than the log ever holds before it is started over (1,000 pages): deleting then needs no room on the disk. */
const logRoomBytes = 5 * 1024 * 1024;

export interface DatabaseHost {
  readonly log: Log;
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
  /** Given up when there is no room to open the database. */
  readonly room: Reserve;
}

/**
 * Opens `<root>/meta.db`, the one database of the daemon.
 *
 * WAL with synchronous=FULL: a commit is on the disk when it returns. Writers that need less say so per
 * commit (see `RecordStore.put`). A database that SQLite calls damaged is moved aside, kept for the operator, and a new
 * one started: records of pods are found again in their state directories, images by their files. One that is locked, on a
 * full disk or out of reach is waited for and never moved (docs/decisions/0100-what-damage-is.md).
 *
 * @throws {CribError} failed-precondition when the database was written by a newer crib; unavailable or resource-exhausted
 * when it could not be opened for a minute.
 */
export async function openDatabase(root: HostPath, host: DatabaseHost): Promise<Database> {
  const { log, clock, room } = host;
  const path = joinHostPath(root, "meta.db");
  const startMs = clock.monotonicMs();
  let toldMs = Number.NEGATIVE_INFINITY;
  for (let movedAside = false; ; ) {
    try {
      return room.insist(() => tryOpen(root, path));
    } catch (error) {
      const kind = sqliteFailure(error);
      if (kind === undefined || kind === "other") throw error;
      if (kind === "damaged" && !movedAside) {
        moveAside(path, error, log);
        movedAside = true;
        continue;
      }
      const nowMs = clock.monotonicMs();
      if (nowMs - startMs >= patienceMs) throw databaseError(error, path);
      if (nowMs - toldMs >= tellEveryMs) {
        log.warn({ path, failure: kind, error: String(error) }, "the database cannot be opened: waiting for it");
        toldMs = nowMs;
      }
      await clock.sleep(pauseMs);
    }
  }
}

function tryOpen(root: HostPath, path: HostPath): Database {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  chmodSync(root, 0o700);
  const database = new Database(path, { create: true, strict: true });
  try {
    database.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    const check = database.query("PRAGMA integrity_check(1)").get() as { readonly integrity_check: string } | null;
    if (check?.integrity_check !== "ok") throw damagedFile(check?.integrity_check ?? "no answer");
    configure(database);
    checkLayout(database, path);
    makeRoomInLog(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** What a check finds is told in a row, not thrown. */
function damagedFile(finding: string): Error {
  return Object.assign(new Error(finding), { name: "SQLiteError", errno: 11, code: "SQLITE_CORRUPT" });
}

function moveAside(path: HostPath, reason: unknown, log: Log): void {
  const aside = `${path}.damaged`;
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  log.error(
    { path, aside, error: String(reason) },
    "the database is damaged: moved aside, made anew from state directories and images",
  );
}

function configure(database: Database): void {
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run("PRAGMA foreign_keys = ON");
  database.fileControl(persistWal, 1);
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

/**
 * Makes the write-ahead log and the database large once, so that later transactions overwrite what is there: on a full disk
 * records can still be changed and deleted. Without room for it the daemon starts all the same.
 */
function makeRoomInLog(database: Database): void {
  const { page_count: pages } = database.query("PRAGMA page_count").get() as { readonly page_count: number };
  const { page_size: size } = database.query("PRAGMA page_size").get() as { readonly page_size: number };
  if (pages * size >= logRoomBytes) return;
  try {
    database.run("PRAGMA synchronous = OFF");
    database.transaction(() => {
      database.run("CREATE TABLE room (bytes BLOB)");
      database.run("INSERT INTO room VALUES (zeroblob(?))", [logRoomBytes]);
    })();
    database.run("DROP TABLE room");
    database.query("PRAGMA wal_checkpoint(RESTART)").get();
  } catch (error) {
    if (sqliteFailure(error) !== "full") throw error;
    database.run("DROP TABLE IF EXISTS room");
  } finally {
    database.run("PRAGMA synchronous = FULL");
  }
}
