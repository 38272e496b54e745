import type { SandboxId } from "../../../ids/object-id.ts";

/** IFNAMSIZ - 1 is 15: the prefix and eleven digits of the id, 44 bits. */
const prefix = "crib";
const maxAliasLength = 200;
const pattern = /^crib[0-9a-f]{11}$/;

/** Name of the host's end of a pod's veth pair: told from others by its form, and its pod found by it. */
export function podLinkName(id: SandboxId): string {
  return prefix + id.slice(0, 11);
}

/** Kept on the link (`ip link` shows it): whose it is, and for people, which pod's. */
export function podLinkAlias(owner: string, namespace: string, name: string): string {
  return `crib ${owner} pod ${namespace}/${name}`.slice(0, maxAliasLength);
}

/** Whether a link is the end of some pod's pair made by this daemon, on its bridge or already taken off it. */
export function isPodLink(name: string, alias: string, owner: string): boolean {
  return pattern.test(name) && alias.startsWith(`crib ${owner} pod `.slice(0, maxAliasLength));
}

/**
 * A locally administered MAC made of the address, so that an address given to another pod later is still where its
 * neighbours remember it.
 */
export function podMac(address: Uint8Array): Uint8Array {
  return Uint8Array.of(0x0a, 0x58, ...address.subarray(-4));
}
