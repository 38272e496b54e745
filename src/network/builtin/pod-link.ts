import type { SandboxId } from "../../ids/object-id.ts";

/** IFNAMSIZ - 1 is 15: the prefix and eleven digits of the id, 44 bits. */
const prefix = "crib";
const pattern = /^crib[0-9a-f]{11}$/;

/** Name of the host's end of a pod's veth pair: told from others by its form, and its pod found by it. */
export function podLinkName(id: SandboxId): string {
  return prefix + id.slice(0, 11);
}

export function isPodLinkName(name: string): boolean {
  return pattern.test(name);
}

/**
 * A locally administered MAC made of the address, so that an address given to another pod later is still where its
 * neighbours remember it.
 */
export function podMac(address: Uint8Array): Uint8Array {
  return Uint8Array.of(0x0a, 0x58, ...address.subarray(-4));
}
