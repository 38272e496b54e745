import { describe, expect, test } from "bun:test";
import { textLine } from "./text-line.ts";

describe("textLine()", () => {
  test.each([
    [{ time: "T", level: "info", msg: "ready", a: 1, b: "x y", c: "z" }, 'T INFO  ready a=1 b="x y" c=z\n'],
    [{ time: "T", level: "warn", msg: "m", err: { message: "no", stack: "s" } }, "T WARN  m error=no\n"],
    [{ time: "T", level: "error", msg: "m", err: { message: "no", stack: "s" } }, "T ERROR m error=no\ns\n"],
    [{ time: "T", level: "info", msg: "m", a: "x\nT ERROR forged" }, 'T INFO  m a="x\\nT ERROR forged"\n'],
  ])("%p", (fields, expected) => {
    expect(textLine(JSON.stringify(fields))).toBe(expected);
  });
});
