import type { NftBatch, SetDefinition, SetElement } from "../../nftables/batch.ts";
import { NFT_REG_1, NFT_REG32_BASE, NfHook, NftType } from "../../nftables/constants.ts";
import { type Expression, MetaKey } from "../../nftables/expressions.ts";
import { type Address, addressBytes } from "../addresses/subnet.ts";
import { podMacOf } from "../links/configure-pod-end.ts";
import { interfaceName } from "./ruleset.ts";

/** Before br_netfilter (0), which hands frames to the rules of IP and translates their addresses. */
const bridgePriority = -300;

const nameBytes = 16;
/** The 4-byte register after an interface's name in register 1. */
const afterName = NFT_REG32_BASE + nameBytes / 4;

function keyedByLink(name: string, type: number, bytes: number): SetDefinition {
  return { name, keyTypes: [NftType.interfaceName, type], keyBytes: nameBytes + bytes };
}

const links: SetDefinition = { name: "links", keyTypes: [NftType.interfaceName], keyBytes: nameBytes };
const macs = keyedByLink("macs", NftType.etherAddress, 8);
const addresses = {
  4: keyedByLink("addresses4", NftType.ipv4Address, 4),
  6: keyedByLink("addresses6", NftType.ipv6Address, 16),
} as const;

/**
 * What a pod may send: frames that come from its own MAC and its own addresses. In nft's words (it lists the
 * fields as @nh and @th, by their offsets):
 *
 * ```
 * chain prerouting { type filter hook prerouting priority -300;  iifname @links goto pod }
 * chain input      { type filter hook input priority -300;
 *   iifname @links ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop
 * }
 * chain pod {
 *   iifname . ether saddr != @macs drop
 *   ether type ip goto ip
 *   ether type arp goto arp
 *   ether type ip6 goto ip6
 *   drop
 * }
 * chain ip {
 *   iifname . ip saddr != @addresses4 drop
 *   udp dport 68 drop
 *   igmp type membership-query drop
 * }
 * chain arp {
 *   arp htype 1 ptype ip hlen 6 plen 4 != … drop
 *   iifname . arp saddr ether != @macs drop
 *   iifname . arp saddr ip @addresses4 accept
 *   arp saddr ip 0.0.0.0 iifname . arp daddr ip @addresses4 accept
 *   drop
 * }
 * chain ip6 {
 *   meta l4proto icmpv6 jump icmp6
 *   udp dport 546 drop
 *   iifname . ip6 saddr @addresses6 accept
 *   drop
 * }
 * chain icmp6 {
 *   icmpv6 type { mld-listener-query, nd-router-advert, nd-redirect } drop    (one rule each)
 *   icmpv6 type nd-neighbor-advert iifname . icmpv6 taddr != @addresses6 drop
 *   ip6 saddr :: icmpv6 type nd-neighbor-solicit iifname . icmpv6 taddr @addresses6 accept
 *   ip6 saddr :: icmpv6 type mld2-listener-report accept
 * }
 * ```
 *
 * - The type of a frame is read where the kernel puts a tag back that it took off: a VLAN's frame is of none of the three.
 *   So are spanning tree and everything else that speaks to bridges.
 * - `input` sees what is sent to the addresses reserved for bridges, which never comes by `prerouting`: the host would take
 *   an IP packet in such a frame for one that arrived on the pod's own link, where no rule looks.
 * - A probe (ARP from 0.0.0.0, a solicitation from ::) is how an address is found to be taken. A pod may ask for its own;
 *   asking for a neighbour's would make that one give it up.
 * - The names of links are matched, not their numbers: rules can be there before the link, and hold while it changes bridges.
 */
export function writePortGuard(batch: NftBatch, elements: readonly SetElement[]): void {
  batch.addTable();
  batch.deleteTable();
  batch.addTable();
  for (const set of [links, macs, addresses[4], addresses[6]]) batch.addSet(set);
  batch.addChain("prerouting", { type: "filter", hook: NfHook.prerouting, priority: bridgePriority });
  batch.addChain("input", { type: "filter", hook: NfHook.input, priority: bridgePriority });
  for (const chain of ["pod", "ip", "arp", "ip6", "icmp6"]) batch.addChain(chain);

  batch.addRule("prerouting", [...fromPod, { kind: "goto", chain: "pod" }]);
  batch.addRule("input", [...fromPod, ...toBridgeGroup, { kind: "drop" }]);
  const rules = { pod: podRules, ip: ipRules, arp: arpRules, ip6: ip6Rules, icmp6: icmp6Rules };
  for (const [chain, list] of Object.entries(rules)) for (const rule of list) batch.addRule(chain, rule);
  for (const element of elements) batch.addElement(element);
}

/** What makes the guard let a pod speak: its link, its MAC, its addresses and the link-local one of its MAC. */
export function guardElements(link: string, own: readonly Address[]): readonly SetElement[] {
  const name = interfaceName(link);
  const mac = podMacOf(own);
  const of = (set: SetDefinition, value: Iterable<number>): SetElement => ({
    set: set.name,
    key: Uint8Array.of(...name, ...value),
  });
  return [
    of(links, []),
    of(macs, [...mac, 0, 0]),
    ...own.map(({ family, value }) => of(addresses[family], addressBytes(family, value))),
    of(addresses[6], linkLocalOf(mac)),
  ];
}

/** RFC 4291 appendix A: what the kernel gives an interface unless it is told otherwise. */
function linkLocalOf(mac: Uint8Array): Uint8Array {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac;
  return Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f);
}

const drop: Expression = { kind: "drop" };
const accept: Expression = { kind: "accept" };

const link: Expression = { kind: "meta", key: MetaKey.inputInterfaceName, register: NFT_REG_1 };
const fromPod: readonly Expression[] = [link, { kind: "member", set: links.name, register: NFT_REG_1, is: true }];

const toBridgeGroup: readonly Expression[] = [
  { kind: "payload", base: "link", offset: 0, length: 6, register: NFT_REG_1 },
  { kind: "bitwise", register: NFT_REG_1, mask: Uint8Array.of(255, 255, 255, 255, 255, 0xf0), xor: new Uint8Array(6) },
  { kind: "compare", register: NFT_REG_1, equal: true, value: Uint8Array.of(0x01, 0x80, 0xc2, 0, 0, 0) },
];

type PayloadBase = "link" | "network" | "transport";

function isAt(base: PayloadBase, offset: number, ...value: readonly number[]): readonly Expression[] {
  return [
    { kind: "payload", base, offset, length: value.length, register: NFT_REG_1 },
    { kind: "compare", register: NFT_REG_1, equal: true, value: Uint8Array.of(...value) },
  ];
}

function isNotAt(base: PayloadBase, offset: number, ...value: readonly number[]): readonly Expression[] {
  return [
    { kind: "payload", base, offset, length: value.length, register: NFT_REG_1 },
    { kind: "compare", register: NFT_REG_1, equal: false, value: Uint8Array.of(...value) },
  ];
}

/** Whether the set has this link together with what stands in the packet. */
function own(
  is: boolean,
  set: SetDefinition,
  base: PayloadBase,
  offset: number,
  length: number,
): readonly Expression[] {
  return [
    link,
    { kind: "payload", base, offset, length, register: afterName },
    { kind: "member", set: set.name, register: NFT_REG_1, is },
  ];
}

function isProtocol(number: number): readonly Expression[] {
  return [
    { kind: "meta", key: MetaKey.layer4Protocol, register: NFT_REG_1 },
    { kind: "compare", register: NFT_REG_1, equal: true, value: Uint8Array.of(number) },
  ];
}

function toUdpPort(port: number): readonly Expression[] {
  return [...isProtocol(17), ...isAt("transport", 2, port >> 8, port & 0xff)];
}

const podRules: readonly (readonly Expression[])[] = [
  [...own(false, macs, "link", 6, 6), drop],
  [...isAt("link", 12, 0x08, 0x00), { kind: "goto", chain: "ip" }],
  [...isAt("link", 12, 0x08, 0x06), { kind: "goto", chain: "arp" }],
  [...isAt("link", 12, 0x86, 0xdd), { kind: "goto", chain: "ip6" }],
  [drop],
];

const dhcpClientPort = 68;
const igmp = 2;
const igmpQuery = 0x11;

const ipRules: readonly (readonly Expression[])[] = [
  [...own(false, addresses[4], "network", 12, 4), drop],
  [...toUdpPort(dhcpClientPort), drop],
  [...isProtocol(igmp), ...isAt("transport", 0, igmpQuery), drop],
];

/** RFC 826: hardware and protocol type, their lengths; then operation, sender's and target's MAC and address. */
const arpRules: readonly (readonly Expression[])[] = [
  [...isNotAt("network", 0, 0, 1, 0x08, 0x00, 6, 4), drop],
  [...own(false, macs, "network", 8, 6), drop],
  [...own(true, addresses[4], "network", 14, 4), accept],
  [...isAt("network", 14, 0, 0, 0, 0), ...own(true, addresses[4], "network", 24, 4), accept],
  [drop],
];

const dhcp6ClientPort = 546;
const icmp6 = 58;
const Icmp6 = {
  query: 130,
  routerAdvertisement: 134,
  solicitation: 135,
  advertisement: 136,
  redirect: 137,
  report: 143,
};
const unspecified = new Array<number>(16).fill(0);
const target = 8;

const ip6Rules: readonly (readonly Expression[])[] = [
  [...isProtocol(icmp6), { kind: "jump", chain: "icmp6" }],
  [...toUdpPort(dhcp6ClientPort), drop],
  [...own(true, addresses[6], "network", 8, 16), accept],
  [drop],
];

const icmp6Rules: readonly (readonly Expression[])[] = [
  ...[Icmp6.query, Icmp6.routerAdvertisement, Icmp6.redirect].map((type) => [...isAt("transport", 0, type), drop]),
  [...isAt("transport", 0, Icmp6.advertisement), ...own(false, addresses[6], "transport", target, 16), drop],
  [
    ...isAt("network", 8, ...unspecified),
    ...isAt("transport", 0, Icmp6.solicitation),
    ...own(true, addresses[6], "transport", target, 16),
    accept,
  ],
  [...isAt("network", 8, ...unspecified), ...isAt("transport", 0, Icmp6.report), accept],
];
