import { expect, test } from "bun:test";
import { CribError } from "../errors/crib-error.ts";
import { databaseError, sqliteFailure } from "./sqlite-failure.ts";

function sqliteError(errno: number): Error {
  return Object.assign(new Error("what it says"), { name: "SQLiteError", errno });
}

test.each([
  ["SQLITE_BUSY", 5, "locked", "unavailable"],
  ["SQLITE_BUSY_SNAPSHOT", 517, "locked", "unavailable"],
  ["SQLITE_READONLY", 8, "refused", "unavailable"],
  ["SQLITE_IOERR_FSYNC", 1034, "refused", "unavailable"],
  ["SQLITE_IOERR_SHORT_READ", 522, "refused", "unavailable"],
  ["SQLITE_CANTOPEN", 14, "refused", "unavailable"],
  ["SQLITE_FULL", 13, "full", "resource-exhausted"],
  ["SQLITE_CORRUPT", 11, "damaged", "data-loss"],
  ["SQLITE_CORRUPT_INDEX", 779, "damaged", "data-loss"],
  ["SQLITE_NOTADB", 26, "damaged", "data-loss"],
] as const)("F05 H1: %s is %s: nothing but damage is damage", (_name, errno, kind, code) => {
  expect(sqliteFailure(sqliteError(errno))).toBe(kind);
  const told = databaseError(sqliteError(errno), "/root/meta.db");
  expect(CribError.is(told, code)).toBe(true);
  expect((told as CribError).message).toContain("/root/meta.db");
});

test("sqliteFailure leaves other errors alone", () => {
  const error = new TypeError("not SQLite's");
  expect(sqliteFailure(error)).toBeUndefined();
  expect(databaseError(error, "/root/meta.db")).toBe(error);
  expect(sqliteFailure(sqliteError(19))).toBe("other");
});
