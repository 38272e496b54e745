import { failedPrecondition } from "../../../errors/crib-error.ts";
import { Errno } from "../../../errors/errno.ts";
import { configureLink, listAddresses } from "../../netlink/addresses.ts";
import { createBridge, findLink, type Link, listLinks, setBridgeUp } from "../../netlink/links.ts";
import { NetlinkError } from "../../netlink/netlink-error.ts";
import type { NetlinkSocket } from "../../netlink/netlink-socket.ts";
import { defaultRouteLink } from "../../netlink/routes.ts";
import { addressBytes, formatAddress, gatewayOf, type Subnet, subnetsOverlap, toBigInt } from "../addresses/subnet.ts";
import { type SysctlKernel, setNetworkSysctl } from "../sysctl.ts";
import { podMac } from "./pod-link.ts";

export interface BridgeRequest {
  readonly name: string;
  readonly subnets: readonly Subnet[];
  /** 0: that of the link the default route leaves by. */
  readonly mtu: number;
  /** Written into the bridge's alias, so that two daemons of one node do not take each other's. */
  readonly owner: string;
  readonly antiSpoofing: boolean;
}

export interface Bridge {
  readonly index: number;
  readonly mtu: number;
}

const fallbackMtu = 1500;

/**
 * Of the sixteen MACs that bridges keep to themselves, those whose frames are treated as any other's, all but the first
 * three, which the kernel does not let go. Unless it is told so, a frame to 01:80:c2:00:00:0e passes every rule: the bridge learns
 * its sender's MAC, a neighbour's maybe, and the host takes the packet in it for one of the pod's own link.
 */
const throughTheRules = 0xfff8;

/**
 * Makes the bridge what it should be: there, up, with a gateway address of every range, and the node a router.
 *
 * @throws {CribError} failed-precondition when the name, a range or the kernel is in the way; the message says what to do.
 */
export async function ensureBridge(
  socket: NetlinkSocket,
  kernel: SysctlKernel,
  request: BridgeRequest,
): Promise<Bridge> {
  const links = await listLinks(socket);
  refuseForeignBridge(links, request);
  await refuseOverlap(socket, links, request);
  const mtu = request.mtu > 0 ? request.mtu : await defaultMtu(socket, links);
  const bridge = links.find(({ name }) => name === request.name) ?? (await makeBridge(socket, request, mtu));

  // Before it is up: no interface may believe an advertisement of a pod (CVE-2020-10749).
  setNetworkSysctl(kernel, `ipv6/conf/${request.name}/accept_ra`, "0");
  await setBridgeUp(socket, bridge.index, bridgeAlias(request.owner), request.antiSpoofing ? throughTheRules : 0);
  const addresses = request.subnets.map((subnet) => ({
    family: subnet.family,
    prefix: subnet.prefix,
    address: addressBytes(subnet.family, gatewayOf(subnet)),
    gateway: undefined,
  }));
  await configureLink(socket, bridge.index, addresses);

  if (request.subnets.some(({ family }) => family === 4)) setNetworkSysctl(kernel, "ipv4/ip_forward", "1");
  if (request.subnets.some(({ family }) => family === 6)) {
    if (!setNetworkSysctl(kernel, "ipv6/conf/all/forwarding", "1")) {
      throw failedPrecondition("network.subnet holds an IPv6 range but IPv6 is turned off in this kernel");
    }
  }
  return { index: bridge.index, mtu };
}

export function bridgeAlias(owner: string): string {
  return `crib ${owner}`.slice(0, 255);
}

async function makeBridge(socket: NetlinkSocket, request: BridgeRequest, mtu: number): Promise<Link> {
  const [first] = request.subnets;
  if (first === undefined)
    throw failedPrecondition("network.subnet is empty; give at least one range such as 10.88.0.0/16");
  try {
    await createBridge(socket, request.name, podMac(addressBytes(first.family, gatewayOf(first))), mtu);
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === Errno.EOPNOTSUPP) {
      throw failedPrecondition(
        "this kernel has no bridges; load the module (modprobe bridge) or configure a CNI network",
        error,
      );
    }
    throw error;
  }
  const link = await findLink(socket, request.name);
  if (link === undefined) throw failedPrecondition(`bridge ${request.name} disappeared while it was made; retry`);
  return link;
}

function refuseForeignBridge(links: readonly Link[], request: BridgeRequest): void {
  const link = links.find(({ name }) => name === request.name);
  if (link === undefined) return;
  if (link.kind !== "bridge") {
    throw failedPrecondition(`link ${request.name} is there and not a bridge; set network.bridge to another name`);
  }
  const hasPorts = links.some(({ masterIndex }) => masterIndex === link.index);
  if (link.alias !== "" && link.alias !== bridgeAlias(request.owner) && hasPorts) {
    throw failedPrecondition(
      `bridge ${request.name} carries pods of another daemon (${link.alias}); set network.bridge and network.subnet to others`,
    );
  }
}

async function refuseOverlap(socket: NetlinkSocket, links: readonly Link[], request: BridgeRequest): Promise<void> {
  const nameOf = new Map(links.map(({ index, name }) => [index, name]));
  for (const address of await listAddresses(socket)) {
    const name = nameOf.get(address.linkIndex) ?? `${address.linkIndex}`;
    if (name === request.name) continue;
    const value = toBigInt(address.bytes);
    const text = `${formatAddress(address.family, value)}/${address.prefix}`;
    const there: Subnet = { family: address.family, base: value, prefix: address.prefix, text };
    const clash = request.subnets.find((subnet) => subnetsOverlap(subnet, there));
    if (clash !== undefined) {
      throw failedPrecondition(
        `pod range ${clash.text} overlaps ${text} of interface ${name}; set network.subnet to a free range`,
      );
    }
  }
}

async function defaultMtu(socket: NetlinkSocket, links: readonly Link[]): Promise<number> {
  const index = await defaultRouteLink(socket);
  return links.find((link) => link.index === index)?.mtu ?? fallbackMtu;
}
