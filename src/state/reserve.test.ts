import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakeClock } from "../../tests/fixtures/fake-clock.ts";
import { silentLog } from "../../tests/fixtures/silent-log.ts";
import { parseHostPath } from "../ids/path.ts";
import { Reserve } from "./reserve.ts";

const root = mkdtempSync(join(tmpdir(), "crib-reserve-"));
const directory = join(root, "reserve");
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const bytes = 16 << 20;
const open = () =>
  new Reserve(parseHostPath(root, "test"), { bytes, inodes: 2 }, { log: silentLog, clock: createFakeClock() });

test("the reserve is made beside the event loop, which a busy disk would hold", async () => {
  using reserve = open();
  let turns = 0;
  let over = false;
  const made = reserve.prepare();
  void Promise.resolve(made).finally(() => {
    over = true;
  });
  for (; !over; turns++) await new Promise((resolve) => setImmediate(resolve));
  expect(await made).toBe(true);
  expect(turns).toBeGreaterThan(8);
  expect(statSync(join(directory, "bytes")).size).toBe(bytes);
  expect(readdirSync(directory).toSorted()).toEqual(["bytes", "inode-0", "inode-1"]);
});

test("a reserve that is given up while it is made is not there afterwards", async () => {
  using reserve = open();
  const made = reserve.prepare();
  for (let turns = 0; !existsSync(join(directory, "bytes.part")) && turns < 10_000; turns++)
    await new Promise((resolve) => setImmediate(resolve));
  expect(reserve.release()).toBe(true);
  expect(await made).toBe(false);
  expect(readdirSync(directory)).toEqual([]);
});
