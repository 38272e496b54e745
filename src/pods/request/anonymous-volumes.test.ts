import { expect, test } from "bun:test";
import { normalContainerPath } from "./anonymous-volumes.ts";

test.each([
  ["/data", "/data"],
  ["/data/", "/data"],
  ["//data//x/", "/data/x"],
  ["data", "/data"],
  ["/a/../data", "/data"],
  ["../../etc", "/etc"],
  ["/", "/"],
  ["", "/"],
  [".", "/"],
])("%j is %s", (text, path) => {
  expect(normalContainerPath(text)).toBe(path);
});
