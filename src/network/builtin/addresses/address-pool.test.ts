import { describe, expect, test } from "bun:test";
import type { SandboxId } from "../../../ids/object-id.ts";
import { AddressPool } from "./address-pool.ts";
import { formatAddress, parseSubnets } from "./subnet.ts";

const pod = (name: string) => name as SandboxId;
const shown = (addresses: readonly { family: 4 | 6; value: bigint }[]) =>
  addresses.map(({ family, value }) => formatAddress(family, value));

describe("AddressPool", () => {
  test("hands out from .2 on and never the gateway, the network or the broadcast address", () => {
    const pool = new AddressPool(parseSubnets("10.1.0.0/29"));
    const got = ["a", "b", "c", "d", "e"].flatMap((name) => shown(pool.allocate(pod(name))));
    expect(got).toEqual(["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"]);
    expect(() => pool.allocate(pod("f"))).toThrow(/no address left in 10\.1\.0\.0\/29/);
  });

  test("a released address comes back last", () => {
    const pool = new AddressPool(parseSubnets("10.1.0.0/29"));
    for (const name of ["a", "b", "c"]) pool.allocate(pod(name));
    pool.release(pod("a"));
    expect(shown(pool.allocate(pod("d")))).toEqual(["10.1.0.5"]);
    expect(shown(pool.allocate(pod("e")))).toEqual(["10.1.0.6"]);
    expect(shown(pool.allocate(pod("f")))).toEqual(["10.1.0.2"]);
  });

  test("a retry of the same pod gets the same address", () => {
    const pool = new AddressPool(parseSubnets("10.1.0.0/24"));
    expect(pool.allocate(pod("a"))).toEqual(pool.allocate(pod("a")));
    expect(shown(pool.allocate(pod("b")))).toEqual(["10.1.0.3"]);
  });

  test("adopted addresses are not handed out again and move the cursor on", () => {
    const pool = new AddressPool(parseSubnets("10.1.0.0/24"));
    pool.adopt(pod("old"), ["10.1.0.7"]);
    expect(shown(pool.allocate(pod("new")))).toEqual(["10.1.0.8"]);
    pool.adopt(pod("ahead"), ["10.1.0.9"]);
    expect(shown(pool.allocate(pod("next")))).toEqual(["10.1.0.10"]);
  });

  test("dual stack gives one address of each family, in the ranges' order", () => {
    const pool = new AddressPool(parseSubnets("fd00:1::/64,10.1.0.0/24"));
    expect(shown(pool.allocate(pod("a")))).toEqual(["fd00:1::2", "10.1.0.2"]);
  });

  test("when one family is exhausted nothing of the other is kept", () => {
    const pool = new AddressPool(parseSubnets("fd00:1::/64,10.1.0.0/30"));
    pool.allocate(pod("a"));
    expect(() => pool.allocate(pod("b"))).toThrow(/10\.1\.0\.0\/30/);
    expect(pool.addressesOf(pod("b"))).toEqual([]);
  });

  test("new ranges are for new pods; old ones keep and give back theirs", () => {
    const pool = new AddressPool(parseSubnets("10.1.0.0/24"));
    pool.allocate(pod("a"));
    pool.setSubnets(parseSubnets("10.2.0.0/24"));
    expect(shown(pool.allocate(pod("b")))).toEqual(["10.2.0.2"]);
    expect(shown(pool.addressesOf(pod("a")))).toEqual(["10.1.0.2"]);
    pool.release(pod("a"));
    expect(pool.owners()).toEqual([pod("b")]);
  });
});
