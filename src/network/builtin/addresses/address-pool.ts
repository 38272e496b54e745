import { CribError } from "../../../errors/crib-error.ts";
import type { SandboxId } from "../../../ids/object-id.ts";
import { type Address, formatAddress, gatewayOf, lastOf, parseAddress, type Subnet, subnetContains } from "./subnet.ts";

/**
 * Which pod has which address. Held in memory: the pods' own records are the truth it is rebuilt from.
 *
 * Addresses are handed out round robin, so that one just released is the last to come back: neighbours and
 * connection tracking have forgotten it by then.
 */
export class AddressPool {
  #subnets: readonly Subnet[];
  /** Per range, by its text: the address handed out last. */
  readonly #cursor = new Map<string, bigint>();
  readonly #ownerByAddress = { 4: new Map<bigint, SandboxId>(), 6: new Map<bigint, SandboxId>() };
  readonly #addressesByOwner = new Map<SandboxId, readonly Address[]>();

  constructor(subnets: readonly Subnet[]) {
    this.#subnets = subnets;
  }

  /** The ranges new pods get addresses from. */
  get subnets(): readonly Subnet[] {
    return this.#subnets;
  }

  /** For new pods; addresses given out stay with their owners. */
  setSubnets(subnets: readonly Subnet[]): void {
    this.#subnets = subnets;
  }

  /** One address of every range, in the ranges' order. A retry of the same owner gets the same. @throws {CribError} resource-exhausted */
  allocate(owner: SandboxId): readonly Address[] {
    const held = this.#addressesByOwner.get(owner);
    if (held !== undefined) return held;
    const addresses = this.#subnets.map((subnet) => ({ family: subnet.family, value: this.#nextFree(subnet) }));
    this.#hold(owner, addresses);
    return addresses;
  }

  /** Takes over what a live pod already has; the cursor moves on, so a restart does not start over. */
  adopt(owner: SandboxId, ips: readonly string[]): void {
    const addresses = ips.flatMap((ip) => parseAddress(ip) ?? []);
    this.#hold(owner, addresses);
    for (const { family, value } of addresses) {
      const subnet = this.#subnets.find((each) => each.family === family && subnetContains(each, value));
      if (subnet === undefined) continue;
      const cursor = this.#cursor.get(subnet.text);
      if (cursor === undefined || value > cursor) this.#cursor.set(subnet.text, value);
    }
  }

  addressesOf(owner: SandboxId): readonly Address[] {
    return this.#addressesByOwner.get(owner) ?? [];
  }

  release(owner: SandboxId): void {
    for (const { family, value } of this.addressesOf(owner)) {
      if (this.#ownerByAddress[family].get(value) === owner) this.#ownerByAddress[family].delete(value);
    }
    this.#addressesByOwner.delete(owner);
  }

  owners(): readonly SandboxId[] {
    return [...this.#addressesByOwner.keys()];
  }

  #hold(owner: SandboxId, addresses: readonly Address[]): void {
    for (const { family, value } of addresses) this.#ownerByAddress[family].set(value, owner);
    this.#addressesByOwner.set(owner, addresses);
  }

  #nextFree(subnet: Subnet): bigint {
    const taken = this.#ownerByAddress[subnet.family];
    const first = gatewayOf(subnet) + 1n;
    const last = lastOf(subnet);
    let candidate = this.#cursor.get(subnet.text) ?? first - 1n;
    // One more candidate than there are holders must be free, unless the whole range was walked before that.
    for (let tried = 0n; tried <= last - first && tried <= BigInt(taken.size); tried++) {
      candidate = candidate >= last || candidate < first ? first : candidate + 1n;
      if (taken.has(candidate)) continue;
      this.#cursor.set(subnet.text, candidate);
      return candidate;
    }
    throw new CribError(
      "resource-exhausted",
      `no address left in ${subnet.text} (last tried ${formatAddress(subnet.family, candidate)}, ${taken.size} in use); widen network.subnet`,
    );
  }
}
