import { Errno } from "../../errors/errno.ts";
import { NetlinkError } from "./netlink-error.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";
import { parseAttributes } from "./parse-messages.ts";
import { AF_INET, AF_INET6 } from "./route-constants.ts";

/** linux/netfilter/nfnetlink_conntrack.h. */
const SUBSYSTEM = 1 << 8;
const CT_GET = SUBSYSTEM | 1;
const CT_DELETE = SUBSYSTEM | 2;
const CTA_TUPLE_ORIG = 1;
const CTA_ZONE = 18;
const CTA_FILTER = 25;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_IP_V4_DST = 2;
const CTA_IP_V6_DST = 4;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_DST_PORT = 3;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_FILTER_REPLY_FLAGS = 2;
/** CTA_FILTER_FLAG(CTA_PROTO_NUM) | CTA_FILTER_FLAG(CTA_PROTO_DST_PORT). */
const BY_PROTOCOL_AND_PORT = (1 << 3) | (1 << 5);
const NFGENMSG_BYTES = 4;
const IPPROTO_UDP = 17;

/**
 * Makes the kernel forget UDP flows to `port`, so that their next datagram meets the rules as they are now.
 *
 * Address translation is decided at a flow's first datagram and UDP has no end: a client that keeps its source port
 * would go on reaching the pod that had the host port before, or no pod.
 *
 * @param isOurs whether flows to this destination address (network byte order) are meant.
 */
export async function forgetUdpFlows(
  socket: NetlinkSocket,
  family: 4 | 6,
  port: number,
  isOurs: (address: Uint8Array) => boolean,
): Promise<void> {
  const found: { readonly tuple: Uint8Array; readonly zone: Uint8Array | undefined }[] = [];
  const number = family === 4 ? AF_INET : AF_INET6;
  await socket.dump(
    `list UDP flows to port ${port}`,
    (b) => {
      b.begin(CT_GET, 0);
      b.raw(Uint8Array.of(number, 0, 0, 0));
      // Kernels before 5.8 do not know the filter and list everything; hence the check of each entry below.
      b.nest(CTA_TUPLE_ORIG, () =>
        b.nest(CTA_TUPLE_PROTO, () => {
          b.attributeU8(CTA_PROTO_NUM, IPPROTO_UDP);
          b.attributeU16Be(CTA_PROTO_DST_PORT, port);
        }),
      );
      b.nest(CTA_FILTER, () => {
        b.attributeU32(CTA_FILTER_ORIG_FLAGS, BY_PROTOCOL_AND_PORT);
        b.attributeU32(CTA_FILTER_REPLY_FLAGS, 0);
      });
      b.end();
    },
    ({ body }) => {
      const attributes = parseAttributes(body, NFGENMSG_BYTES);
      const tuple = attributes.get(CTA_TUPLE_ORIG);
      if (tuple === undefined || !isUdpTo(tuple, family, port, isOurs)) return;
      found.push({ tuple: tuple.slice(), zone: attributes.get(CTA_ZONE)?.slice() });
    },
  );
  for (const { tuple, zone } of found) await forget(socket, number, tuple, zone);
}

function isUdpTo(tuple: Uint8Array, family: 4 | 6, port: number, isOurs: (address: Uint8Array) => boolean): boolean {
  const parts = parseAttributes(tuple);
  const ip = parts.get(CTA_TUPLE_IP);
  const protocol = parts.get(CTA_TUPLE_PROTO);
  if (ip === undefined || protocol === undefined) return false;
  const fields = parseAttributes(protocol);
  const [high = 0, low = 0] = fields.get(CTA_PROTO_DST_PORT) ?? [];
  const address = parseAttributes(ip).get(family === 4 ? CTA_IP_V4_DST : CTA_IP_V6_DST);
  return (
    fields.get(CTA_PROTO_NUM)?.[0] === IPPROTO_UDP &&
    ((high << 8) | low) === port &&
    address !== undefined &&
    isOurs(address)
  );
}

async function forget(
  socket: NetlinkSocket,
  family: number,
  tuple: Uint8Array,
  zone: Uint8Array | undefined,
): Promise<void> {
  try {
    await socket.transact("forget a UDP flow", (b) => {
      b.begin(CT_DELETE, 0);
      b.raw(Uint8Array.of(family, 0, 0, 0));
      b.nest(CTA_TUPLE_ORIG, () => b.raw(tuple));
      if (zone !== undefined) b.attribute(CTA_ZONE, zone);
      b.end();
    });
  } catch (error) {
    // It ended in between.
    if (!(error instanceof NetlinkError && error.errno === Errno.ENOENT)) throw error;
  }
}
