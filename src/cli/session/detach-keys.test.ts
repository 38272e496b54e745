import { expect, test } from "bun:test";
import { DetachKeys } from "./detach-keys.ts";

const cases: readonly [chunks: readonly string[], passed: string, detached: boolean][] = [
  [["ls\r"], "ls\r", false],
  [["\x10\x11"], "", true],
  [["ab\x10", "\x11cd"], "ab", true],
  [["\x10x"], "\x10x", false],
  [["\x10\x10\x11"], "\x10", true],
  [["\x11"], "\x11", false],
];

test.each(cases)("%j", (chunks, passed, detached) => {
  const keys = new DetachKeys();
  const results = chunks.map((chunk) => keys.filter(Buffer.from(chunk)));
  expect(results.map(({ pass }) => Buffer.from(pass).toString()).join("")).toBe(passed);
  expect(results.some(({ detach }) => detach)).toBe(detached);
});
