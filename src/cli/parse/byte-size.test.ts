import { expect, test } from "bun:test";
import { parseByteSize } from "./byte-size.ts";

test.each([
  ["1048576", 1_048_576n],
  ["64m", 67_108_864n],
  ["64M", 67_108_864n],
  ["64MiB", 67_108_864n],
  ["1.5g", 1_610_612_736n],
  ["10kb", 10_240n],
])("parseByteSize(%s)", (text, bytes) => {
  expect(parseByteSize(text, "memory limit")).toBe(bytes);
});

test.each(["", "m", "-1m", "1 m", "1x", "1.2.3m", "0x10"])("parseByteSize(%j) is refused by name", (text) => {
  expect(() => parseByteSize(text, "memory limit")).toThrow("memory limit");
});
