import { failedPrecondition } from "../../../errors/crib-error.ts";
import type { AddressPool } from "./address-pool.ts";
import { type Address, formatAddress, gatewayOf, type Subnet, subnetContains } from "./subnet.ts";

/** The range an address is of. @throws {CribError} failed-precondition when it is in none of them. */
export function subnetOfAddress(subnets: readonly Subnet[], address: Address): Subnet {
  const subnet = subnets.find((each) => each.family === address.family && subnetContains(each, address.value));
  if (subnet === undefined)
    throw failedPrecondition(`address ${formatAddress(address.family, address.value)} is in no range of this node`);
  return subnet;
}

/** @throws {CribError} failed-precondition when a pod that lives has what is to be the bridge's. */
export function refuseTakenGateways(pool: AddressPool): void {
  for (const owner of pool.owners()) {
    for (const { family, value } of pool.addressesOf(owner)) {
      const subnet = pool.subnets.find((each) => each.family === family && gatewayOf(each) === value);
      if (subnet === undefined) continue;
      throw failedPrecondition(
        `${formatAddress(family, value)} must be the gateway of ${subnet.text} but sandbox ${owner} has it; remove that pod first`,
      );
    }
  }
}
