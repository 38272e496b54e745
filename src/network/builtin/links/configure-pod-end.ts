import { failedPrecondition } from "../../../errors/crib-error.ts";
import type { Fd } from "../../../ids/process.ts";
import { configureLink } from "../../netlink/addresses.ts";
import { type NetlinkKernel, NetlinkSocket } from "../../netlink/netlink-socket.ts";
import { type Address, addressBytes, gatewayOf, type Subnet } from "../addresses/subnet.ts";
import { podMac } from "./pod-link.ts";

/** The pod's end of its pair, by its index in the pod's namespace: up, with its addresses, the bridge as default route. */
export async function configurePodEnd(
  kernel: NetlinkKernel,
  netns: Fd,
  linkIndex: number,
  addresses: readonly (Address & { readonly subnet: Subnet })[],
): Promise<void> {
  using socket = await NetlinkSocket.openIn(kernel, "route", netns);
  const requests = addresses.map(({ family, value, subnet }) => ({
    family,
    prefix: subnet.prefix,
    address: addressBytes(family, value),
    gateway: addressBytes(family, gatewayOf(subnet)),
  }));
  await configureLink(socket, linkIndex, requests);
}

/** Of the IPv4 address where there is one. */
export function podMacOf(addresses: readonly Address[]): Uint8Array {
  const primary = addresses.find(({ family }) => family === 4) ?? addresses[0];
  if (primary === undefined)
    throw failedPrecondition("network.subnet is empty; give at least one range such as 10.88.0.0/16");
  return podMac(addressBytes(primary.family, primary.value));
}
