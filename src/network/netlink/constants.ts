/** Netlink's own numbers: linux/netlink.h. */

export const AF_NETLINK = 16;
export const SOCK_RAW = 3;

export const NetlinkProtocol = { route: 0, sockDiag: 4, netfilter: 12 } as const;
export type NetlinkProtocolName = keyof typeof NetlinkProtocol;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
/** On a reply: the header of the failed request is there without its body. */
export const NLM_F_CAPPED = 0x100;
/** On a reply: attributes explaining the error follow. */
export const NLM_F_ACK_TLVS = 0x200;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

export const NLMSGERR_ATTR_MSG = 1;

export const NLA_F_NESTED = 0x8000;
export const NLA_TYPE_MASK = 0x3fff;

export const NLMSG_HEADER_BYTES = 16;
export const NLA_HEADER_BYTES = 4;

/** NLMSG_ALIGN and NLA_ALIGN: everything starts at a multiple of four. */
export function aligned(length: number): number {
  return (length + 3) & ~3;
}
