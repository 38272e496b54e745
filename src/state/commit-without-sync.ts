import type { Database } from "bun:sqlite";

/**
 * Runs one commit that need not reach the disk before it returns: it survives the death of the daemon, not of the machine
 * (WAL with synchronous=NORMAL; docs/decisions/0010-what-is-written-when.md).
 */
export function commitWithoutSync(database: Database, write: () => void): void {
  database.run("PRAGMA synchronous = NORMAL");
  try {
    write();
  } finally {
    database.run("PRAGMA synchronous = FULL");
  }
}
