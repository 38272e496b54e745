import { expect, test } from "bun:test";
import { clashWith, findFreeRange, type TakenRange } from "./free-range.ts";
import { parseSubnets, type Subnet } from "./subnet.ts";

const range = (text: string): Subnet => parseSubnets(text)[0] as Subnet;
const near = (text: string): TakenRange => ({ subnet: range(text), what: text, distant: false });
const distant = (text: string): TakenRange => ({ subnet: range(text), what: text, distant: true });

test.each([
  ["nothing taken: not podman's range, nor another program's", [], "10.86.0.0/16"],
  ["an address within the first", [near("10.86.255.254/30")], "10.64.0.0/16"],
  ["a wider one around the first ones", [near("10.64.0.0/10")], "10.44.0.0/16"],
  ["all of 10/8 on a link of this node", [near("10.0.0.0/8")], "172.28.0.0/16"],
  [
    "all private ranges behind a router",
    [distant("10.0.0.0/8"), distant("172.16.0.0/12"), distant("198.18.0.0/15")],
    "10.86.0.0/16",
  ],
  [
    "a part of what is behind a router is routed of its own",
    [distant("10.0.0.0/8"), distant("172.16.0.0/12"), distant("198.18.0.0/15"), distant("10.86.7.0/24")],
    "10.64.0.0/16",
  ],
  ["IPv6", [near("fd00::/8")], "10.86.0.0/16"],
] as const)("%s", (_, taken, expected) => {
  expect(findFreeRange(taken)?.text).toBe(expected);
});

test("nothing is free where everything is on a link", () => {
  expect(findFreeRange([near("10.0.0.0/8"), near("172.16.0.0/12"), near("198.18.0.0/15")])).toBeUndefined();
});

test("a chosen range stays when a wide route comes that goes elsewhere, not when its own addresses are used", () => {
  expect(clashWith(range("10.86.0.0/16"), [distant("10.0.0.0/8")])).toBeUndefined();
  expect(clashWith(range("10.86.0.0/16"), [distant("10.86.3.0/24")])?.what).toBe("10.86.3.0/24");
  expect(clashWith(range("10.86.0.0/16"), [near("10.0.0.0/8")])?.what).toBe("10.0.0.0/8");
  expect(clashWith(range("10.86.0.0/16"), [])).toBeUndefined();
});
