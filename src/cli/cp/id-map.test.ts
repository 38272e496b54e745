import { expect, test } from "bun:test";
import { IdMap } from "./id-map.ts";

test.each([
  ["", 0, 0, 0],
  ["         0          0 4294967295\n", 33, 33, 33],
  ["         0     100000      65536\n", 0, 100_000, undefined],
  ["         0     100000      65536\n", 100_000, undefined, 0],
  ["0 100000 10\n10 500 5\n", 12, 502, undefined],
] as const)("in %j, %i is %p outside and %p inside", (text, id, outside, inside) => {
  const map = new IdMap(text);
  expect([map.toHost(id), map.toContainer(id)]).toEqual([outside, inside]);
});
