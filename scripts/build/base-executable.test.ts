import { expect, test } from "bun:test";
import { disarm } from "./base-executable.ts";

const names = ["BUN_BE_BUN", "BUN_OPTIONS", "BUN_INSPECT", "BUN_INSPECT_CONNECT_TO", "BUN_INSPECT_PRELOAD"];
const image = (...texts: string[]): Buffer => Buffer.from(`\0${texts.join("\0")}\0`, "latin1");

test("each name is made one that no environment holds, and nothing moves", () => {
  const executable = image("before", ...names, "prefix BUN_OPTIONS suffix", "after");
  const length = executable.length;
  disarm(executable);
  const text = executable.toString("latin1").split("\0");
  expect(text.slice(2, 7)).toEqual(names.map((name) => `=${name.slice(1)}`));
  expect(text).toContain("prefix BUN_OPTIONS suffix");
  expect(executable.length).toBe(length);
});

test.each([
  ["missing", names.slice(1)],
  ["there twice", [...names, "BUN_BE_BUN"]],
])("a name that is %s stops the build", (_what, texts) => {
  expect(() => disarm(image(...texts))).toThrow("BUN_BE_BUN");
});
