import { expect, test } from "bun:test";
import { bytesToString, stringToBytes } from "./byte-string.ts";

const cases: readonly [string, readonly number[]][] = [
  ["nothing", []],
  ["text", [...new TextEncoder().encode("größe 🐳")]],
  ["a byte order mark, kept", [0xef, 0xbb, 0xbf, 0x61]],
  ["bytes that are no UTF-8", [0x61, 0xff, 0xfe, 0x80, 0x62]],
  ["a sequence cut short", [0xf0, 0x9f, 0x90]],
  ["an encoded surrogate", [0xed, 0xa0, 0x80]],
  ["every byte", Array.from({ length: 256 }, (_unused, byte) => byte)],
];
for (const [name, bytes] of cases) {
  test(`bytesToString() of ${name} comes back the same, also through JSON`, () => {
    const text = bytesToString(Uint8Array.from(bytes));
    expect([...stringToBytes(text)]).toEqual([...bytes]);
    expect([...stringToBytes(JSON.parse(JSON.stringify(text)) as string)]).toEqual([...bytes]);
  });
}
