import type { HostPath } from "../ids/path.ts";
import type { Kernel } from "../kernel/port.ts";
import { linkHeader } from "./netlink/links.ts";
import { type NetlinkKernel, NetlinkSocket } from "./netlink/netlink-socket.ts";
import { parseAttributes, readString, readU32, readU64 } from "./netlink/parse-messages.ts";
import {
  IFF_LOOPBACK,
  IFINFO_BYTES,
  IFLA_IFNAME,
  IFLA_STATS64,
  RTM_GETLINK,
  RTM_NEWLINK,
} from "./netlink/route-constants.ts";
import type { InterfaceStats } from "./port.ts";
import { withNetns } from "./with-netns.ts";

/** Offsets in `struct rtnl_link_stats64` (linux/if_link.h). */
const RX_PACKETS = 0;
const TX_PACKETS = 8;
const RX_BYTES = 16;
const TX_BYTES = 24;
const RX_ERRORS = 32;
const TX_ERRORS = 40;
const RX_DROPPED = 48;
const TX_DROPPED = 56;

/** Counters of every interface of the namespace but the loopback, `eth0` first: it is the CRI's default interface. */
export async function readInterfaceStats(
  kernel: NetlinkKernel & Pick<Kernel, "open">,
  netns: HostPath,
): Promise<readonly InterfaceStats[]> {
  return await withNetns(kernel, netns, async (fd) => {
    using socket = await NetlinkSocket.openIn(kernel, "route", fd);
    const all: InterfaceStats[] = [];
    await socket.dump(
      "list interface counters",
      (builder) => {
        builder.begin(RTM_GETLINK, 0);
        linkHeader(builder, 0, 0);
        builder.end();
      },
      ({ type, body }) => {
        if (type !== RTM_NEWLINK || (readU32(body, 8) & IFF_LOOPBACK) !== 0) return;
        const attributes = parseAttributes(body, IFINFO_BYTES);
        const name = attributes.get(IFLA_IFNAME);
        const stats = attributes.get(IFLA_STATS64);
        if (name === undefined || stats === undefined) return;
        all.push({
          name: readString(name),
          rxBytes: readU64(stats, RX_BYTES),
          rxPackets: readU64(stats, RX_PACKETS),
          rxErrors: readU64(stats, RX_ERRORS),
          rxDropped: readU64(stats, RX_DROPPED),
          txBytes: readU64(stats, TX_BYTES),
          txPackets: readU64(stats, TX_PACKETS),
          txErrors: readU64(stats, TX_ERRORS),
          txDropped: readU64(stats, TX_DROPPED),
        });
      },
    );
    return all.sort((a, b) => Number(b.name === "eth0") - Number(a.name === "eth0"));
  });
}
