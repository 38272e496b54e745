import { Database } from "bun:sqlite";
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakeClock } from "../../tests/fixtures/fake-clock.ts";
import { silentLog } from "../../tests/fixtures/silent-log.ts";
import { parseHostPath } from "../ids/path.ts";
import { LateWrites } from "./late-writes.ts";
import type { RecordCodec } from "./record-codec.ts";
import { RecordJournal } from "./record-journal.ts";
import { RecordStore } from "./record-store.ts";
import { Reserve } from "./reserve.ts";
import { WriteBehind } from "./write-behind.ts";

interface Thing {
  readonly id: string;
  readonly pod: string;
  readonly size: number;
}

const podId = "a".repeat(64);
const id = "b".repeat(64);
const codec: RecordCodec<string, Thing> = {
  table: "things",
  version: 1,
  id: (thing) => thing.id,
  group: (thing) => thing.pod,
  encodeDocument: (thing) => Buffer.from(thing.pod),
  encodeBody: (thing) => JSON.stringify({ size: thing.size }),
  decode: (key, document, body) => ({
    id: key,
    pod: Buffer.from(document).toString(),
    ...(JSON.parse(body) as { size: number }),
  }),
};

const stateDirectory = mkdtempSync(join(tmpdir(), "crib-journal-"));
afterEach(() => rmSync(join(stateDirectory, "pods"), { recursive: true, force: true }));

function bedOf(database: Database, bootId = "boot") {
  mkdirSync(join(stateDirectory, "pods", podId), { recursive: true });
  const clock = createFakeClock();
  const state = parseHostPath(stateDirectory);
  const late = new LateWrites(clock, silentLog);
  const behind = new WriteBehind(database, clock, silentLog);
  const store = new RecordStore(database, codec, {
    journal: new RecordJournal(state, "thing", bootId, silentLog),
    behind,
    late,
    room: new Reserve(state, { bytes: 4096, inodes: 1 }, { log: silentLog, clock }),
  });
  store.load(silentLog);
  return { store, clock, late, behind };
}

const emptyDatabase = () => new Database(":memory:", { strict: true });
const thing = (size: number): Thing => ({ id, pod: podId, size });
const journalFile = (suffix: string) => join(stateDirectory, "pods", podId, "records", `thing-${id}.${suffix}`);

test("F05 H2: a database that was lost is made anew from the state directories", async () => {
  const first = bedOf(emptyDatabase());
  first.store.put(thing(1), { durable: true });
  first.store.put(thing(2), { durable: false });
  const database = emptyDatabase();
  const { store, clock } = bedOf(database);
  expect(store.get(id)).toEqual(thing(2));
  await clock.advance(10_000);
  expect(database.query("SELECT body FROM things").get()).toEqual({ body: '{"size":2}' });
});

test("a row of this boot that is older than its file gives way, one of another boot does not", () => {
  const database = emptyDatabase();
  bedOf(database).store.put(thing(1), { durable: true });
  database.run(`UPDATE things SET body = '{"size":7}'`);
  expect(bedOf(database, "another").store.get(id)?.size).toBe(7);
  bedOf(database, "another").store.put(thing(3), { durable: true });
  database.run(`UPDATE things SET body = '{"size":8}'`);
  expect(bedOf(database, "another").store.get(id)?.size).toBe(3);
});

test("an unreadable row is repaired from its file, and without one is known but not loaded", () => {
  const database = emptyDatabase();
  bedOf(database).store.put(thing(1), { durable: true });
  database.run("UPDATE things SET body = '{'");
  expect(bedOf(database).store.get(id)?.size).toBe(1);
  database.run("UPDATE things SET body = '{'");
  truncateSync(journalFile("body"), 5);
  const { store } = bedOf(database);
  expect(store.get(id)).toBeUndefined();
  expect(store.isKnown(id)).toBe(true);
});

test("what has happened is published though the database refuses it, and written when it takes it again", async () => {
  const database = emptyDatabase();
  const { store, clock, late } = bedOf(database);
  store.put(thing(1), { durable: true });
  database.run("PRAGMA query_only = ON");
  expect(store.put(thing(2), { durable: true }).size).toBe(2);
  expect(store.get(id)?.size).toBe(2);
  expect(late.size).toBe(1);
  database.run("PRAGMA query_only = OFF");
  await clock.advance(10_000);
  expect(late.size).toBe(0);
  expect(database.query("SELECT body FROM things").get()).toEqual({ body: '{"size":2}' });
  expect(clock.sleepers).toBe(0);
});

test("a new record is refused when neither place takes it, and when it had to be durable", () => {
  const database = emptyDatabase();
  const { store } = bedOf(database);
  database.run("PRAGMA query_only = ON");
  expect(() => store.put(thing(1), { durable: true })).toThrow("cannot be read or written");
  expect(existsSync(journalFile("body"))).toBe(false);
  expect(store.put(thing(1), { durable: false }).size).toBe(1);
  store.delete(id);
  rmSync(join(stateDirectory, "pods", podId), { recursive: true });
  expect(() => store.put(thing(1), { durable: false })).toThrow("cannot be read or written");
  expect(store.get(id)).toBeUndefined();
});

test("a deletion the database refuses takes the record all the same, and the row later", async () => {
  const database = emptyDatabase();
  const { store, clock } = bedOf(database);
  store.put(thing(1), { durable: true });
  database.run("PRAGMA query_only = ON");
  store.delete(id);
  expect(store.get(id)).toBeUndefined();
  expect(existsSync(journalFile("body"))).toBe(false);
  database.run("PRAGMA query_only = OFF");
  await clock.advance(10_000);
  expect(database.query("SELECT count(*) AS n FROM things").get()).toEqual({ n: 0 });
});

test("links and foreign names in the state directory are not read", () => {
  bedOf(emptyDatabase()).store.put(thing(1), { durable: true });
  symlinkSync(join(stateDirectory, "pods", podId), join(stateDirectory, "pods", "c".repeat(64)));
  mkdirSync(join(stateDirectory, "pods", "stranger", "records"), { recursive: true });
  expect(bedOf(emptyDatabase()).store.all()).toEqual([thing(1)]);
});

const changes = (database: Database) =>
  (database.query("SELECT total_changes() AS n").get() as { readonly n: number }).n;

test("R10: of a record that comes, changes and goes within a moment the database hears nothing", async () => {
  const database = emptyDatabase();
  const { store, clock, behind } = bedOf(database);
  const before = changes(database);
  for (const size of [1, 2, 3]) store.put(thing(size), { durable: false });
  expect(store.get(id)?.size).toBe(3);
  expect(existsSync(journalFile("body"))).toBe(true);
  store.delete(id);
  expect([behind.size, existsSync(journalFile("body"))]).toEqual([0, false]);
  await clock.advance(10_000);
  expect(changes(database)).toBe(before);
  expect(clock.sleepers).toBe(0);
});

test("a row is written a moment after its file, as it is then, and goes at once with its record", async () => {
  const database = emptyDatabase();
  const { store, clock } = bedOf(database);
  store.put(thing(1), { durable: false });
  expect(database.query("SELECT body FROM things").get()).toBeNull();
  store.put(thing(2), { durable: false });
  await clock.advance(10_000);
  expect(database.query("SELECT body FROM things").get()).toEqual({ body: '{"size":2}' });
  store.delete(id);
  expect(database.query("SELECT body FROM things").get()).toBeNull();
});

test("a daemon that ends writes the rows that wait, and hands on those that are refused", async () => {
  const database = emptyDatabase();
  const { store, clock, behind, late } = bedOf(database);
  store.put(thing(1), { durable: false });
  database.run("PRAGMA query_only = ON");
  behind[Symbol.dispose]();
  expect([behind.size, late.size]).toEqual([0, 1]);
  database.run("PRAGMA query_only = OFF");
  await clock.advance(10_000);
  expect(database.query("SELECT body FROM things").get()).toEqual({ body: '{"size":1}' });
});

test("without its file a record is in the database when put returns, whatever is durable", () => {
  const database = emptyDatabase();
  const { store } = bedOf(database);
  rmSync(join(stateDirectory, "pods", podId), { recursive: true });
  store.put(thing(1), { durable: false });
  expect(database.query("SELECT body FROM things").get()).toEqual({ body: '{"size":1}' });
});
