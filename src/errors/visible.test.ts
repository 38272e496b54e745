import { describe, expect, test } from "bun:test";
import { invalidArgument, notFound } from "./crib-error.ts";
import { visible } from "./visible.ts";

describe("what a terminal would obey is shown as an escape", () => {
  const cases: readonly [name: string, text: string, shown: string][] = [
    ["an escape", "\u001b[2J", "\\u001b[2J"],
    ["delete", "a\u007f", "a\\u007f"],
    [
      "the one-character introducers of C1",
      "\u009b2J\u009d0;title\u0090q\u009c",
      "\\u009b2J\\u009d0;title\\u0090q\\u009c",
    ],
    ["the first and the last of C1", "\u0080\u009f", "\\u0080\\u009f"],
    ["a carriage return", "good\rbad", "good\\u000dbad"],
    ["overrides of direction", "\u202egnp.exe\u202c", "\\u202egnp.exe\\u202c"],
    ["isolates of direction", "\u2066x\u2069", "\\u2066x\\u2069"],
    ["marks of direction", "\u200e\u200f\u061c", "\\u200e\\u200f\\u061c"],
    ["line separators", "\u2028\u2029", "\\u2028\\u2029"],
  ];
  test.each(cases)("%s", (_, text, shown) => {
    expect(visible(text)).toBe(shown);
    expect(visible(visible(text))).toBe(shown);
  });

  test("letters of any script, line feeds and tabs stay", () => {
    const text = "añ 日本 שלום \u00a0 👩‍👩‍👧\tx\n";
    expect(visible(text)).toBe(text);
  });

  test("JSON means the same afterwards", () => {
    const value = { "k\u009b": "\u0000\u007f\u0085\u202e\\u0041\n" };
    expect(JSON.parse(visible(JSON.stringify(value)))).toEqual(value);
  });
});

test("every error of ours quotes so", () => {
  expect(notFound("image", "a\u009b2J\u202e").message).toBe('image "a\\u009b2J\\u202e" not found');
  expect(invalidArgument("the registry says \u001b]0;x\u0007").message).toBe("the registry says \\u001b]0;x\\u0007");
});
