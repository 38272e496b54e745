import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import type { Log } from "../observe/log.ts";
import type { RecordCodec } from "./record-codec.ts";
import { RecordStore } from "./record-store.ts";

interface Thing {
  readonly id: string;
  readonly owner: string;
  readonly size: number;
}

function codec(version: number): RecordCodec<string, Thing> {
  return {
    table: "things",
    version,
    id: (thing) => thing.id,
    group: (thing) => thing.owner,
    encodeDocument: (thing) => Buffer.from(thing.owner),
    encodeBody: (thing) => JSON.stringify({ size: thing.size }),
    decode: (id, document, body) => ({
      id,
      owner: Buffer.from(document).toString(),
      ...(JSON.parse(body) as { size: number }),
    }),
  };
}

function collectingLog(): { log: Log; errors: string[] } {
  const errors: string[] = [];
  const ignore = () => undefined;
  return {
    errors,
    log: { debug: ignore, info: ignore, warn: ignore, error: (_fields, message) => errors.push(message) },
  };
}

test("RecordStore keeps records across a reload, with their latest body", () => {
  const database = new Database(":memory:", { strict: true });
  const store = new RecordStore(database, codec(1));
  store.put({ id: "a", owner: "x", size: 1 }, { durable: true });
  store.put({ id: "a", owner: "x", size: 2 }, { durable: false });
  store.put({ id: "b", owner: "y", size: 3 }, { durable: true });
  store.delete("b");

  const again = new RecordStore(database, codec(1));
  const { log, errors } = collectingLog();
  again.load(log);
  expect(again.all()).toEqual([{ id: "a", owner: "x", size: 2 }]);
  expect(again.inGroup("x").map((thing) => thing.id)).toEqual(["a"]);
  expect(again.inGroup("y")).toEqual([]);
  expect(errors).toEqual([]);
});

test("RecordStore leaves an unreadable or newer record alone and loads the others", () => {
  const database = new Database(":memory:", { strict: true });
  const newer = new RecordStore(database, codec(2));
  newer.put({ id: "newer", owner: "x", size: 1 }, { durable: true });
  const store = new RecordStore(database, codec(1));
  store.put({ id: "good", owner: "x", size: 1 }, { durable: true });
  store.put({ id: "bad", owner: "x", size: 1 }, { durable: true });
  database.run("UPDATE things SET body = '{' WHERE id = 'bad'");

  const again = new RecordStore(database, codec(1));
  const { log, errors } = collectingLog();
  again.load(log);
  expect(again.all().map((thing) => thing.id)).toEqual(["good"]);
  expect(errors).toHaveLength(2);
  expect(database.query("SELECT count(*) AS n FROM things").get()).toEqual({ n: 3 });
});

test("RecordStore publishes frozen records", () => {
  const store = new RecordStore(new Database(":memory:", { strict: true }), codec(1));
  const put = store.put({ id: "a", owner: "x", size: 1 }, { durable: true });
  expect(Object.isFrozen(put)).toBe(true);
  expect(store.withPrefix("a", 2)).toEqual(["a"]);
});
