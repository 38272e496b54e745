import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newContainerId } from "../../../ids/object-id.ts";
import { parseHostPath } from "../../../ids/path.ts";
import { parseExitRecord, readExitRecords } from "./exit-records.ts";

const directory = mkdtempSync(join(tmpdir(), "crib-exit-records-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("parseExitRecord", () => {
  const id = newContainerId();

  test("reads what the monitor writes", () => {
    expect(parseExitRecord(id, "1 137 9 1 1795464068336895672\n")).toEqual({
      id,
      exitCode: 137,
      signal: 9,
      oomKilled: true,
      finishedAtNs: 1795464068336895672n as never,
    });
  });

  for (const text of [
    "",
    "1 0 0 0 1",
    "2 0 0 0 1\n",
    "1 256 0 0 1\n",
    "1 0 0 2 1\n",
    "1 0 0 0\n",
    "1 0 0 0 1\n\n",
    "1 -1 0 0 1\n",
  ]) {
    test(`refuses ${JSON.stringify(text)}`, () => expect(parseExitRecord(id, text)).toBeUndefined());
  }
});

describe("readExitRecords", () => {
  test("finds none where there is no directory", () => {
    expect(readExitRecords(parseHostPath(directory))).toEqual([]);
  });

  test("skips unfinished and foreign files, keeps the rest", () => {
    const good = newContainerId();
    mkdirSync(join(directory, "exit"));
    writeFileSync(join(directory, "exit", good), "1 3 0 0 5\n");
    writeFileSync(join(directory, "exit", `.${newContainerId()}`), "1 4 0 0 5\n");
    writeFileSync(join(directory, "exit", newContainerId()), "1 4 0");
    writeFileSync(join(directory, "exit", "README"), "1 4 0 0 5\n");
    expect(readExitRecords(parseHostPath(directory)).map(({ id, exitCode }) => [id, exitCode])).toEqual([[good, 3]]);
  });
});
