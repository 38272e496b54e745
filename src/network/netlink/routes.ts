import { familyOf } from "./addresses.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";
import { parseAttributes, readU32 } from "./parse-messages.ts";
import {
  AF_UNSPEC,
  RT_TABLE_MAIN,
  RTA_DST,
  RTA_GATEWAY,
  RTA_OIF,
  RTA_TABLE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTMSG_BYTES,
  RTN_UNICAST,
} from "./route-constants.ts";

export interface Route {
  readonly family: 4 | 6;
  /** 0 for a default route, whose destination is undefined. */
  readonly prefix: number;
  readonly destination: Uint8Array | undefined;
  readonly table: number;
  /** RTN_UNICAST, RTN_BLACKHOLE, …; the local table's own have others. */
  readonly type: number;
  /** 0 where there is none, or several. */
  readonly linkIndex: number;
  readonly hasGateway: boolean;
}

/** Every route of every table of the socket's namespace. */
export async function listRoutes(socket: NetlinkSocket): Promise<readonly Route[]> {
  const routes: Route[] = [];
  await socket.dump(
    "list routes",
    (builder) => {
      builder.begin(RTM_GETROUTE, 0);
      builder.u8(AF_UNSPEC);
      builder.raw(new Uint8Array(RTMSG_BYTES - 1));
      builder.end();
    },
    ({ type, body }) => {
      const family = familyOf(body[0]);
      if (type !== RTM_NEWROUTE || family === undefined) return;
      const [, prefix = 0, , , shortTable = 0, , , routeType = 0] = body;
      const attributes = parseAttributes(body, RTMSG_BYTES);
      const link = attributes.get(RTA_OIF);
      const table = attributes.get(RTA_TABLE);
      routes.push({
        family,
        prefix,
        destination: attributes.get(RTA_DST)?.slice(),
        table: table === undefined ? shortTable : readU32(table),
        type: routeType,
        linkIndex: link === undefined ? 0 : readU32(link),
        hasGateway: attributes.has(RTA_GATEWAY),
      });
    },
  );
  return routes;
}

/** The link the default route of the main table leaves by; IPv4 first. undefined without one. */
export async function defaultRouteLink(socket: NetlinkSocket): Promise<number | undefined> {
  const found = (await listRoutes(socket)).filter(
    ({ prefix, destination, table, type, linkIndex }) =>
      prefix === 0 && destination === undefined && table === RT_TABLE_MAIN && type === RTN_UNICAST && linkIndex !== 0,
  );
  return (found.find(({ family }) => family === 4) ?? found[0])?.linkIndex;
}
