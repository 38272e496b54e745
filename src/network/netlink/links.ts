import { Errno } from "../../errors/errno.ts";
import type { Fd } from "../../ids/process.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "./constants.ts";
import { MessageBuilder } from "./message-builder.ts";
import { NetlinkError } from "./netlink-error.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";
import {
  type Attributes,
  type NetlinkMessage,
  parseAttributes,
  readI32,
  readString,
  readU32,
} from "./parse-messages.ts";
import {
  AF_UNSPEC,
  IFF_UP,
  IFINFO_BYTES,
  IFLA_ADDRESS,
  IFLA_BR_GROUP_FWD_MASK,
  IFLA_BRPORT_MODE,
  IFLA_EXT_MASK,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NET_NS_FD,
  IFLA_NUM_RX_QUEUES,
  IFLA_NUM_TX_QUEUES,
  RTEXT_FILTER_SKIP_STATS,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  VETH_INFO_PEER,
} from "./route-constants.ts";

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  /** Index of the other end of a veth pair, in that end's namespace; 0 where there is none. */
  readonly peerIndex: number;
  /** Index of the bridge it is a port of; 0 where there is none. */
  readonly masterIndex: number;
  /** "bridge", "veth", …; "" for hardware. */
  readonly kind: string;
  readonly alias: string;
}

export interface VethRequest {
  readonly name: string;
  readonly alias: string;
  readonly bridgeIndex: number;
  readonly mtu: number;
  readonly peerNetns: Fd;
  readonly peerName: string;
  /** Six bytes. */
  readonly peerMac: Uint8Array;
}

/**
 * A veth pair in one datagram: this end a port of the bridge in hairpin mode, the other born in `peerNetns`, still down.
 *
 * Hairpin: with bridge-nf-call-iptables a packet translated back to the pod that sent it is bridged, not routed, and
 * must leave by the port it came in on.
 *
 * @returns the index of the other end in its namespace.
 */
export async function createVeth(socket: NetlinkSocket, request: VethRequest): Promise<number> {
  let peerIndex = 0;
  await socket.transact(
    `create link ${request.name}`,
    (builder) => {
      builder.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
      linkHeader(builder, 0, IFF_UP);
      builder.attributeString(IFLA_IFNAME, request.name);
      builder.attributeU32(IFLA_MTU, request.mtu);
      singleQueue(builder);
      builder.attributeU32(IFLA_MASTER, request.bridgeIndex);
      builder.nest(IFLA_LINKINFO, () => {
        builder.attributeString(IFLA_INFO_KIND, "veth");
        builder.nest(IFLA_INFO_DATA, () => {
          builder.nest(VETH_INFO_PEER, () => {
            // Not up yet: veth_open refuses the end that is made first, its peer is not there (ENOTCONN).
            linkHeader(builder, 0, 0);
            builder.attributeString(IFLA_IFNAME, request.peerName);
            builder.attributeU32(IFLA_MTU, request.mtu);
            singleQueue(builder);
            builder.attribute(IFLA_ADDRESS, request.peerMac);
            builder.attributeU32(IFLA_NET_NS_FD, request.peerNetns);
          });
        });
      });
      builder.end();

      bridgePortMessage(builder, request.name, request.alias);
      getLinkMessage(builder, request.name);
    },
    (message) => {
      if (message.type === RTM_NEWLINK) peerIndex = parseLink(message).peerIndex;
    },
  );
  return peerIndex;
}

/** A bridge with a fixed address: without one its MAC changes with its ports and neighbours lose it. Existing is success. */
export async function createBridge(socket: NetlinkSocket, name: string, mac: Uint8Array, mtu: number): Promise<void> {
  try {
    await socket.transact(`create bridge ${name}`, (builder) => {
      builder.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
      linkHeader(builder, 0, 0);
      builder.attributeString(IFLA_IFNAME, name);
      builder.attributeU32(IFLA_MTU, mtu);
      builder.attribute(IFLA_ADDRESS, mac);
      builder.nest(IFLA_LINKINFO, () => builder.attributeString(IFLA_INFO_KIND, "bridge"));
      builder.end();
    });
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === Errno.EEXIST)) throw error;
  }
}

/** @param groupForwardMask a bit for each of 01:80:c2:00:00:00 to :0f whose frames are forwarded and not kept. */
export async function setBridgeUp(
  socket: NetlinkSocket,
  index: number,
  alias: string,
  groupForwardMask: number,
): Promise<void> {
  await socket.transact(`bring up bridge ${index}`, (builder) => {
    builder.begin(RTM_NEWLINK, 0);
    linkHeader(builder, index, IFF_UP);
    builder.attributeString(IFLA_IFALIAS, alias);
    builder.nest(IFLA_LINKINFO, () => {
      builder.attributeString(IFLA_INFO_KIND, "bridge");
      builder.nest(IFLA_INFO_DATA, () => builder.attributeU16(IFLA_BR_GROUP_FWD_MASK, groupForwardMask));
    });
    builder.end();
  });
}

/**
 * Deletes a link; an absent one is success. Deleting one end of a veth pair deletes both.
 *
 * The kernel answers after several grace periods, 20 ms on an idle machine: not for the path of a pod.
 */
export async function deleteLink(socket: NetlinkSocket, name: string): Promise<void> {
  await ignoringAbsence(() => socket.transact(`delete link ${name}`, (builder) => deleteLinkMessage(builder, name)));
}

/** For a sender that cannot read the answer. */
export function deleteLinkDatagram(name: string): Uint8Array {
  const builder = new MessageBuilder(1);
  deleteLinkMessage(builder, name);
  return builder.finish();
}

function deleteLinkMessage(builder: MessageBuilder, name: string): void {
  builder.begin(RTM_DELLINK, 0);
  linkHeader(builder, 0, 0);
  builder.attributeString(IFLA_IFNAME, name);
  builder.end();
}

/** undefined when there is none of that name. */
export async function findLink(socket: NetlinkSocket, name: string): Promise<Link | undefined> {
  let link: Link | undefined;
  await ignoringAbsence(() =>
    socket.transact(
      `get link ${name}`,
      (builder) => getLinkMessage(builder, name),
      (message) => {
        if (message.type === RTM_NEWLINK) link = parseLink(message);
      },
    ),
  );
  return link;
}

/** Every link of the socket's namespace, without counters. */
export async function listLinks(socket: NetlinkSocket): Promise<readonly Link[]> {
  const links: Link[] = [];
  await socket.dump(
    "list links",
    (builder) => {
      builder.begin(RTM_GETLINK, 0);
      linkHeader(builder, 0, 0);
      builder.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
      builder.end();
    },
    (message) => {
      if (message.type === RTM_NEWLINK) links.push(parseLink(message));
    },
  );
  return links;
}

/** Makes an existing link a port of the bridge as `createVeth` does; an absent link is success. */
export async function connectLink(socket: NetlinkSocket, name: string, bridgeIndex: number): Promise<void> {
  await ignoringAbsence(() =>
    socket.transact(`connect link ${name}`, (builder) => {
      masterMessage(builder, name, bridgeIndex);
      bridgePortMessage(builder, name, undefined);
    }),
  );
}

/** Takes a port out of its bridge; an absent link is success. What it is connected to is cut off at once. */
export async function disconnectLink(socket: NetlinkSocket, name: string): Promise<void> {
  await ignoringAbsence(() => socket.transact(`disconnect link ${name}`, (builder) => masterMessage(builder, name, 0)));
}

function masterMessage(builder: MessageBuilder, name: string, masterIndex: number): void {
  builder.begin(RTM_NEWLINK, 0);
  linkHeader(builder, 0, 0);
  builder.attributeString(IFLA_IFNAME, name);
  builder.attributeU32(IFLA_MASTER, masterIndex);
  builder.end();
}

/** What can be set only on a link that is a port already. */
function bridgePortMessage(builder: MessageBuilder, name: string, alias: string | undefined): void {
  builder.begin(RTM_NEWLINK, 0);
  linkHeader(builder, 0, 0);
  builder.attributeString(IFLA_IFNAME, name);
  if (alias !== undefined) builder.attributeString(IFLA_IFALIAS, alias);
  builder.nest(IFLA_LINKINFO, () => {
    builder.attributeString(IFLA_INFO_SLAVE_KIND, "bridge");
    builder.nest(IFLA_INFO_SLAVE_DATA, () => builder.attributeU8(IFLA_BRPORT_MODE, 1));
  });
  builder.end();
}

/** Veth needs no lock to send, so a queue a processor is only more for sysfs to show: 0.1 ms a pod. */
function singleQueue(builder: MessageBuilder): void {
  builder.attributeU32(IFLA_NUM_TX_QUEUES, 1);
  builder.attributeU32(IFLA_NUM_RX_QUEUES, 1);
}

async function ignoringAbsence(operation: () => Promise<void>): Promise<void> {
  try {
    await operation();
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === Errno.ENODEV)) throw error;
  }
}

/** `struct ifinfomsg`; `flags` are also the mask of what changes. */
export function linkHeader(builder: MessageBuilder, index: number, flags: number): void {
  builder.u8(AF_UNSPEC);
  builder.u8(0);
  builder.u16(0);
  builder.u32(index);
  builder.u32(flags);
  builder.u32(flags);
}

function getLinkMessage(builder: MessageBuilder, name: string): void {
  builder.begin(RTM_GETLINK, 0);
  linkHeader(builder, 0, 0);
  builder.attributeString(IFLA_IFNAME, name);
  builder.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  builder.end();
}

function parseLink(message: NetlinkMessage): Link {
  const attributes = parseAttributes(message.body, IFINFO_BYTES);
  const info = attributes.get(IFLA_LINKINFO);
  const kind = info === undefined ? undefined : parseAttributes(info).get(IFLA_INFO_KIND);
  return {
    index: readI32(message.body, 4),
    name: stringOf(attributes, IFLA_IFNAME),
    up: (readU32(message.body, 8) & IFF_UP) !== 0,
    mtu: numberOf(attributes, IFLA_MTU),
    peerIndex: numberOf(attributes, IFLA_LINK),
    masterIndex: numberOf(attributes, IFLA_MASTER),
    kind: kind === undefined ? "" : readString(kind),
    alias: stringOf(attributes, IFLA_IFALIAS),
  };
}

function stringOf(attributes: Attributes, type: number): string {
  const value = attributes.get(type);
  return value === undefined ? "" : readString(value);
}

function numberOf(attributes: Attributes, type: number): number {
  const value = attributes.get(type);
  return value === undefined ? 0 : readU32(value);
}
