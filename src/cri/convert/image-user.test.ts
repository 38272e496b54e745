import { expect, test } from "bun:test";
import { parseImageUser } from "./image-user.ts";

test.each([
  ["", { kind: "unset" }],
  [":1000", { kind: "unset" }],
  ["0", { kind: "uid", uid: 0n }],
  ["1000", { kind: "uid", uid: 1000n }],
  ["1000:1000", { kind: "uid", uid: 1000n }],
  ["nobody:nogroup", { kind: "name", name: "nobody" }],
  ["2147483648", { kind: "uid", uid: 2147483648n }],
  ["4294967294", { kind: "uid", uid: 4294967294n }],
  ["4294967295", { kind: "name", name: "4294967295" }],
  ["4294967296", { kind: "name", name: "4294967296" }],
  ["00000000000", { kind: "name", name: "00000000000" }],
  ["01", { kind: "name", name: "01" }],
  ["+1", { kind: "name", name: "+1" }],
  ["1e0", { kind: "name", name: "1e0" }],
  ["0x0", { kind: "name", name: "0x0" }],
  [" 0", { kind: "name", name: " 0" }],
] as const)("parseImageUser(%p)", (text, expected) => {
  expect(parseImageUser(text)).toEqual(expected);
});
