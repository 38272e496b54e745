import { expect, test } from "bun:test";
import { humanSize } from "./human-size.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "0.98 KiB"],
  [1024, "1 KiB"],
  [1536, "1.50 KiB"],
  [10_240, "10 KiB"],
  [1_048_575, "1 MiB"],
  [164_000_000n, "156 MiB"],
  [1n << 62n, "4096 PiB"],
])("humanSize(%p)", (bytes, text) => {
  expect(humanSize(bytes)).toBe(text);
});
