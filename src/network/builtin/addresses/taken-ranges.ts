import { listAddresses } from "../../netlink/addresses.ts";
import { listLinks } from "../../netlink/links.ts";
import type { NetlinkSocket } from "../../netlink/netlink-socket.ts";
import { RT_TABLE_LOCAL } from "../../netlink/route-constants.ts";
import { listRoutes } from "../../netlink/routes.ts";
import type { TakenRange } from "./free-range.ts";
import { formatAddress, rangeOf, type Subnet, toBigInt } from "./subnet.ts";

/** What this node uses: addresses of its interfaces and every route but the default ones; all but what is the bridge's. */
export async function takenRanges(socket: NetlinkSocket, bridge: string): Promise<readonly TakenRange[]> {
  const nameOf = new Map((await listLinks(socket)).map(({ index, name }) => [index, name]));
  const isOurs = (linkIndex: number): boolean => nameOf.get(linkIndex) === bridge;
  const addresses = (await listAddresses(socket))
    .filter(({ linkIndex }) => !isOurs(linkIndex))
    .map(({ linkIndex, family, prefix, bytes }) => {
      const subnet = subnetOf(family, bytes, prefix);
      return { subnet, what: `${subnet.text} of interface ${nameOf.get(linkIndex) ?? linkIndex}`, distant: false };
    });
  const routes = (await listRoutes(socket)).flatMap(({ family, prefix, destination, table, linkIndex, hasGateway }) => {
    // The local table says again what the addresses said.
    if (destination === undefined || prefix === 0 || table === RT_TABLE_LOCAL || isOurs(linkIndex)) return [];
    const subnet = subnetOf(family, destination, prefix);
    return [{ subnet, what: `the route to ${subnet.text}`, distant: hasGateway }];
  });
  return [...addresses, ...routes];
}

/** The range the bridge's own IPv4 address is of, where there is such a bridge: an earlier daemon's. */
export async function bridgeRange(socket: NetlinkSocket, bridge: string): Promise<Subnet | undefined> {
  const link = (await listLinks(socket)).find(({ name }) => name === bridge);
  const address = (await listAddresses(socket)).find(
    ({ linkIndex, family }) => linkIndex === link?.index && family === 4,
  );
  return address === undefined ? undefined : rangeOf(`${formatAddress(4, toBigInt(address.bytes))}/${address.prefix}`);
}

function subnetOf(family: 4 | 6, bytes: Uint8Array, prefix: number): Subnet {
  const base = toBigInt(bytes);
  return { family, base, prefix, text: `${formatAddress(family, base)}/${prefix}` };
}
