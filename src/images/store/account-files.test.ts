import { expect, test } from "bun:test";
import { parseGroup, parsePasswd } from "./account-files.ts";

test.each([
  ["root:x:0:0:root:/root:/bin/sh", 0],
  ["a:x:01:0::/:", 1],
  ["a:x:4294967294:0::/:", 4_294_967_294],
  ["a:x:1000:1001:A:/home/a", 1000],
  ["a:x:1000:1001:A", 1000],
  ["a:x:1000:1001:", 1000],
  ["a:x:1000:1001", 1000],
  [" \ta:x:1000:1001::/:", 1000],
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

test("a home that is left out is none, and a group without members is one (short lines named nobody)", () => {
  expect(parsePasswd("app:x:1000:1001\napp2:x:2:3::/home/app2")).toEqual([
    { name: "app", uid: 1000, gid: 1001, home: "" },
    { name: "app2", uid: 2, gid: 3, home: "/home/app2" },
  ]);
  expect(parseGroup("web:x:33\nbare:x\nnone:x:\n")).toEqual([{ name: "web", gid: 33, members: [] }]);
});

test("groups have members; damaged lines do not hide the others", () => {
  expect(parseGroup("root:x:0:\nbroken\nteam:x:7:a,,b\n")).toEqual([
    { name: "root", gid: 0, members: [] },
    { name: "team", gid: 7, members: ["a", "b"] },
  ]);
});
