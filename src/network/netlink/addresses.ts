import { NLM_F_CREATE, NLM_F_REPLACE } from "./constants.ts";
import { linkHeader } from "./links.ts";
import type { MessageBuilder } from "./message-builder.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";
import { parseAttributes, readU32 } from "./parse-messages.ts";
import {
  AF_INET,
  AF_INET6,
  IFA_ADDRESS,
  IFA_F_NODAD,
  IFA_FLAGS,
  IFA_LOCAL,
  IFADDR_BYTES,
  IFF_UP,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTA_GATEWAY,
  RTA_OIF,
  RTM_GETADDR,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  RTN_UNICAST,
  RTPROT_STATIC,
} from "./route-constants.ts";

export interface InterfaceAddress {
  readonly linkIndex: number;
  readonly family: 4 | 6;
  readonly prefix: number;
  /** Network byte order. */
  readonly bytes: Uint8Array;
}

export interface AddressRequest {
  readonly family: 4 | 6;
  readonly prefix: number;
  readonly address: Uint8Array;
  /** Default route through this address; undefined for none. */
  readonly gateway: Uint8Array | undefined;
}

/** Brings a link up and gives it addresses and default routes, in one datagram. What is there already is success. */
export async function configureLink(
  socket: NetlinkSocket,
  linkIndex: number,
  requests: readonly AddressRequest[],
): Promise<void> {
  await socket.transact(`configure link ${linkIndex}`, (builder) => {
    builder.begin(RTM_NEWLINK, 0);
    linkHeader(builder, linkIndex, IFF_UP);
    builder.end();
    for (const request of requests) addressMessage(builder, linkIndex, request);
    for (const request of requests) {
      if (request.gateway !== undefined) defaultRouteMessage(builder, linkIndex, request.family, request.gateway);
    }
  });
}

function addressMessage(builder: MessageBuilder, linkIndex: number, request: AddressRequest): void {
  builder.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
  builder.u8(familyNumber(request.family));
  builder.u8(request.prefix);
  builder.u8(0);
  builder.u8(RT_SCOPE_UNIVERSE);
  builder.u32(linkIndex);
  builder.attribute(IFA_LOCAL, request.address);
  builder.attribute(IFA_ADDRESS, request.address);
  if (request.family === 6) builder.attributeU32(IFA_FLAGS, IFA_F_NODAD);
  builder.end();
}

function defaultRouteMessage(builder: MessageBuilder, linkIndex: number, family: 4 | 6, gateway: Uint8Array): void {
  builder.begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  routeHeader(builder, family);
  builder.attribute(RTA_GATEWAY, gateway);
  builder.attributeU32(RTA_OIF, linkIndex);
  builder.end();
}

/** Every address of the socket's namespace. */
export async function listAddresses(socket: NetlinkSocket): Promise<readonly InterfaceAddress[]> {
  const found: InterfaceAddress[] = [];
  await socket.dump(
    "list addresses",
    (builder) => {
      builder.begin(RTM_GETADDR, 0);
      builder.raw(new Uint8Array(IFADDR_BYTES));
      builder.end();
    },
    ({ type, body }) => {
      const family = familyOf(body[0]);
      if (type !== RTM_NEWADDR || family === undefined) return;
      const attributes = parseAttributes(body, IFADDR_BYTES);
      const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
      if (bytes !== undefined)
        found.push({ linkIndex: readU32(body, 4), family, prefix: body[1] ?? 0, bytes: bytes.slice() });
    },
  );
  return found;
}

function routeHeader(builder: MessageBuilder, family: 4 | 6): void {
  builder.u8(familyNumber(family));
  builder.u8(0);
  builder.u8(0);
  builder.u8(0);
  builder.u8(RT_TABLE_MAIN);
  builder.u8(RTPROT_STATIC);
  builder.u8(RT_SCOPE_UNIVERSE);
  builder.u8(RTN_UNICAST);
  builder.u32(0);
}

function familyNumber(family: 4 | 6): number {
  return family === 4 ? AF_INET : AF_INET6;
}

export function familyOf(number: number | undefined): 4 | 6 | undefined {
  if (number === AF_INET) return 4;
  return number === AF_INET6 ? 6 : undefined;
}
