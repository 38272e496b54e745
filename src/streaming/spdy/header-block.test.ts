import { describe, expect, test } from "bun:test";
import { encodeHeaderBlock, parseHeaderBlock } from "./header-block.ts";

const raw = (count: number, ...fields: readonly string[]): Uint8Array =>
  Buffer.concat([u32(count), ...fields.flatMap((field) => [u32(field.length), Buffer.from(field, "latin1")])]);
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

test("headers survive the way there and back", () => {
  const headers: [string, string][] = [
    ["streamType", "stdin"],
    ["empty", ""],
    ["x", "ä€"],
  ];
  expect([...parseHeaderBlock(encodeHeaderBlock(headers), 3)]).toEqual([
    ["streamtype", "stdin"],
    ["empty", ""],
    ["x", "ä€"],
  ]);
});

test("of several values the first counts", () => {
  expect(parseHeaderBlock(raw(1, "streamtype", "stdin\0error"), 1).get("streamtype")).toBe("stdin");
});

test("a name of Object's prototype is a name", () => {
  expect([...parseHeaderBlock(raw(1, "__proto__", "x"), 1)]).toEqual([["__proto__", "x"]]);
});

describe("a wrong block is refused", () => {
  const cases: readonly [name: string, block: Uint8Array, message: RegExp][] = [
    ["empty", new Uint8Array(0), /ends within a number/],
    ["a count without headers", raw(1), /ends within a number/],
    ["too many headers", raw(3, "a", "1", "b", "2", "c", "3"), /3 headers, at most 2/],
    ["four thousand million headers", raw(0xffffffff), /at most 2/],
    ["a length of 4 GiB", Buffer.concat([u32(1), u32(0xffffffff)]), /longer than its block/],
    ["no value", raw(1, "a"), /ends within a number/],
    ["an upper case name", raw(1, "StreamType", "x"), /lower case/],
    ["an empty name", raw(1, "", "x"), /empty/],
    ["a name twice", raw(2, "a", "1", "a", "2"), /twice/],
    ["bytes behind", Buffer.concat([raw(0), Buffer.from("x")]), /behind its headers/],
  ];
  test.each(cases)("%s", (_, block, message) => {
    expect(() => parseHeaderBlock(block, 2)).toThrow(message);
  });
});
