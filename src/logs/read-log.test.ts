import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSystemClock } from "../observe/system-clock.ts";
import { readLog } from "./read-log.ts";

const clock = createSystemClock();
let directory = "";
let path = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "crib-log-"));
  path = join(directory, "0.log");
});
afterEach(() => rmSync(directory, { recursive: true }));

function line(content: string): string {
  return `2026-01-31T12:00:00.000000000Z stdout F ${content}\n`;
}

/** Reads until the log ends; `step` is called after every line with what there is so far. */
async function read(
  tail: number | undefined,
  follow?: AbortSignal,
  step: (seen: string[]) => void = () => undefined,
): Promise<string[]> {
  const seen: string[] = [];
  for await (const lines of readLog(path, clock, { tail, follow })) {
    for (const { content } of lines) {
      seen.push(Buffer.from(content).toString());
      step(seen);
    }
  }
  return seen;
}

const hundred = Array.from({ length: 100 }, (_, index) => String(index));

test.each([
  [undefined, 100],
  [0, 0],
  [1, 1],
  [7, 7],
  [100, 100],
  [500, 100],
])("readLog with a tail of %p", async (tail, expected) => {
  writeFileSync(path, hundred.map(line).join(""));
  expect(await read(tail)).toEqual(hundred.slice(100 - expected));
});

test.each(["link", "fifo", "directory", "link to come"])(
  "readLog neither follows a link nor waits at a fifo: %s",
  async (kind) => {
    const other = join(directory, "other.log");
    writeFileSync(other, line("another pod's"));
    if (kind === "directory") mkdirSync(path);
    else if (kind === "fifo") Bun.spawnSync(["mkfifo", path]);
    else if (kind === "link") symlinkSync(other, path);
    else writeFileSync(path, line("own"));
    const end = new AbortController();
    const reading = read(undefined, kind === "link to come" ? end.signal : undefined, () => {
      rmSync(path);
      symlinkSync(other, path);
    });
    await expect(reading).rejects.toThrow(/is no regular file/);
  },
);

test("readLog finds a tail behind a block's end", async () => {
  const long = ["first", "x".repeat(16_000), "y".repeat(60_000), "z".repeat(70_000), "last"];
  writeFileSync(path, long.map(line).join(""));
  for (let tail = 1; tail <= long.length; tail += 1) expect(await read(tail)).toEqual(long.slice(long.length - tail));
});

test("readLog reads a last line that has no line feed, and skips what is no log line", async () => {
  writeFileSync(path, `${line("one")}rubbish\n${line("two").trimEnd()}`);
  expect(await read(undefined)).toEqual(["one", "two"]);
  expect(await read(1)).toEqual(["two"]);
});

test("readLog survives a file of one endless line", async () => {
  writeFileSync(path, Buffer.alloc(3 * 1024 * 1024, "x"));
  appendFileSync(path, `\n${line("after")}`);
  expect(await read(undefined)).toEqual(["after"]);
});

test("readLog waits for the file, follows it, and reads all that was written before the end", async () => {
  const end = new AbortController();
  const all = read(undefined, end.signal, (seen) => {
    if (seen.length === 1) appendFileSync(path, line("two"));
    if (seen.length === 2) {
      appendFileSync(path, line("three"));
      end.abort();
    }
  });
  writeFileSync(path, line("one"));
  expect(await all).toEqual(["one", "two", "three"]);
});

test("readLog follows a rotation and loses nothing", async () => {
  writeFileSync(path, line("one"));
  const end = new AbortController();
  const all = read(undefined, end.signal, (seen) => {
    if (seen.length === 1) {
      renameSync(path, `${path}.1`);
      appendFileSync(`${path}.1`, line("two"));
    }
    if (seen.length === 2) writeFileSync(path, line("three"));
    if (seen.length === 3) end.abort();
  });
  expect(await all).toEqual(["one", "two", "three"]);
});

test("readLog begins again in a file that was cut", async () => {
  writeFileSync(path, line("one") + line("two"));
  const end = new AbortController();
  const all = read(undefined, end.signal, (seen) => {
    if (seen.length === 2) {
      truncateSync(path);
      appendFileSync(path, line("new"));
    }
    if (seen.length === 3) end.abort();
  });
  expect(await all).toEqual(["one", "two", "new"]);
});

test("readLog ends at once when it is told to before the file is there", async () => {
  expect(await read(undefined, AbortSignal.abort())).toEqual([]);
});

test("readLog names the file that is not there", async () => {
  expect(read(undefined)).rejects.toThrow("0.log");
});
