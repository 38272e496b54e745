import { expect, test } from "bun:test";
import { parseGroup, parsePasswd } from "./account-files.ts";

test.each([
  ["root:x:0:0:root:/root:/bin/sh", 0],
  ["a:x:01:0::/:", 1],
  ["a:x:4294967294:0::/:", 4_294_967_294],
])("%j is a user", (line, uid) => {
  expect(parsePasswd(line)).toMatchObject([{ uid }]);
});

test.each([
  "a:x:4294967295:0::/:",
  "a:x:4294967296:0::/:",
  "a:x:-1:0::/:",
  "a:x:+1:0::/:",
  "a:x:1e0:0::/:",
  "a:x:0x0:0::/:",
  "a:x: 0:0::/:",
  "a:x::0::/:",
  "a:x:0:::/:",
  "a:x:0",
  ":x:0:0::/:",
  "+nis::::::",
  "#a:x:0:0::/:",
  "a:x:0:0::/\r:/bin/sh\r",
  "a:x:0:0:::::",
])("%j is nobody", (line) => {
  expect(parsePasswd(line)).toEqual([]);
});

test("groups have members; damaged lines do not hide the others", () => {
  expect(parseGroup("root:x:0:\nbroken\nteam:x:7:a,,b\n")).toEqual([
    { name: "root", gid: 0, members: [] },
    { name: "team", gid: 7, members: ["a", "b"] },
  ]);
});
