import { expect, test } from "bun:test";
import { parseForward } from "./port-forward.ts";

test.each([
  ["80", { local: 80, remote: 80 }],
  ["8080:80", { local: 8080, remote: 80 }],
  [":80", { local: 0, remote: 80 }],
] as const)("%s", (text, forward) => {
  expect(parseForward(text)).toEqual(forward);
});

test.each(["", "0", "65536", "a", "1:2:3", "80:", "-1:80"])("refuses %j", (text) => {
  expect(() => parseForward(text)).toThrow(/port/);
});
