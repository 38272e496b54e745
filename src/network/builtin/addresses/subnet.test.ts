import { describe, expect, test } from "bun:test";
import { formatAddress, gatewayOf, lastOf, maskBytes, parseAddress, parseSubnets, subnetsOverlap } from "./subnet.ts";

describe("parseSubnets", () => {
  test.each([
    ["10.88.0.0/16", ["10.88.0.0/16"]],
    ["10.88.3.4/16", ["10.88.0.0/16"]],
    ["10.88.0.0/16,fd00:88::/64", ["10.88.0.0/16", "fd00:88::/64"]],
    ["fd00:88::1/64, 10.0.0.0/8", ["fd00:88::/64", "10.0.0.0/8"]],
  ])("%s", (text, expected) => {
    expect(parseSubnets(text).map((subnet) => subnet.text)).toEqual(expected);
  });

  test.each([
    "",
    "10.88.0.0",
    "10.88.0.0/31",
    "10.88.0.0/4",
    "10.1/16",
    "010.0.0.0/16",
    "fd00::/127",
    "10.0.0.0/16,10.1.0.0/16",
    "x/16",
  ])("refuses %j", (text) => {
    expect(() => parseSubnets(text)).toThrow();
  });
});

test("gateway, last address and mask", () => {
  const [v4, v6] = parseSubnets("10.88.0.0/20,fd00:88::/126");
  if (v4 === undefined || v6 === undefined) throw new Error("two subnets expected");
  expect(formatAddress(4, gatewayOf(v4))).toBe("10.88.0.1");
  expect(formatAddress(4, lastOf(v4))).toBe("10.88.15.254");
  expect([...maskBytes(v4)]).toEqual([255, 255, 240, 0]);
  expect(formatAddress(6, lastOf(v6))).toBe("fd00:88::3");
});

test.each([
  ["10.0.0.0/8", "10.88.0.0/16", true],
  ["10.88.0.0/16", "10.0.0.0/8", true],
  ["10.88.0.0/16", "10.89.0.0/16", false],
  ["10.88.0.0/16", "fd00::/64", false],
])("%s overlaps %s: %p", (a, b, expected) => {
  const [left] = parseSubnets(a);
  const [right] = parseSubnets(b);
  if (left === undefined || right === undefined) throw new Error("two subnets expected");
  expect(subnetsOverlap(left, right)).toBe(expected);
});

test.each([
  ["127.0.0.1", 4],
  ["::1", 6],
  ["1.2.3", undefined],
  ["0x7f.0.0.1", undefined],
  ["example", undefined],
  ["", undefined],
])("parseAddress(%j)", (text, family) => {
  expect(parseAddress(text)?.family).toBe(family as 4 | 6 | undefined);
});
