import { describe, expect, test } from "bun:test";
import { cString, cStrings } from "./c-string.ts";

describe("cString", () => {
  test.each(["", "/etc/passwd", "é", "\u{1f4a9}", "a\nb"])("passes %j", (text) => {
    expect(cString(text, "path")).toBe(text);
  });

  test.each([
    ["\0", "NUL"],
    ["/safe\0/../evil", "NUL"],
    ["\ud800", "Unicode"],
    ["a\udc00b", "Unicode"],
  ])("refuses %j", (text, reason) => {
    expect(() => cString(text, "label")).toThrow(reason);
    expect(() => cString(text, "label")).toThrow("label");
  });

  test("a long refused string does not flood the message", () => {
    expect(() => cString(`\0${"x".repeat(1 << 20)}`, "path")).toThrow(/^.{1,400}$/);
  });
});

test("cStrings joins with terminators, in UTF-8", () => {
  expect([...cStrings(["a", "", "é"], "argument")]).toEqual([0x61, 0, 0, 0xc3, 0xa9, 0]);
  expect(() => cStrings(["a", "b\0c"], "argument")).toThrow("NUL");
});

test("a byte that is no UTF-8 travels as itself", () => {
  expect(cString("caf\udce9", "path")).toEqual(new Uint8Array([0x63, 0x61, 0x66, 0xe9, 0]));
});
