import { expect, test } from "bun:test";
import { constants } from "node:fs";
import { archOpenFlags, O_DIRECTORY, O_NOFOLLOW, O_TMPFILE } from "./open-flags.ts";

test("O_DIRECTORY and O_NOFOLLOW are this machine's", () => {
  expect([O_DIRECTORY, O_NOFOLLOW]).toEqual([constants.O_DIRECTORY, constants.O_NOFOLLOW]);
  expect(O_TMPFILE & O_DIRECTORY).toBe(O_DIRECTORY);
});

test("O_NOFOLLOW of arm64 is not x86's, which would follow links there", () => {
  expect(archOpenFlags("arm64")).toEqual({ O_DIRECTORY: 0x4000, O_NOFOLLOW: 0x8000, O_TMPFILE: 0x404000 });
  expect(archOpenFlags("x64")).toEqual({ O_DIRECTORY: 0x10000, O_NOFOLLOW: 0x20000, O_TMPFILE: 0x410000 });
});
