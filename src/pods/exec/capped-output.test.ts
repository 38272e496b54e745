import { expect, test } from "bun:test";
import { CappedOutput } from "./capped-output.ts";

test.each([
  { limit: 10, parts: ["abc", "def"], kept: "abcdef" },
  { limit: 4, parts: ["abc", "def"], kept: "abcd" },
  { limit: 3, parts: ["abc", "def", "ghi"], kept: "abc" },
  { limit: 0, parts: ["abc"], kept: "" },
  { limit: 10, parts: [], kept: "" },
])("CappedOutput of $limit bytes keeps $kept of $parts", ({ limit, parts, kept }) => {
  const output = new CappedOutput(limit);
  for (const part of parts) output.push(Buffer.from(part));
  expect(Buffer.from(output.bytes()).toString()).toBe(kept);
});

test("CappedOutput keeps its own copy of a reused buffer", () => {
  const output = new CappedOutput(10);
  const buffer = Buffer.from("abc");
  output.push(buffer);
  buffer.fill("x");
  expect(Buffer.from(output.bytes()).toString()).toBe("abc");
});
