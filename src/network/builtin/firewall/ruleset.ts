import type { MapDefinition, NftBatch, SetElement } from "../../nftables/batch.ts";
import { NFPROTO_IPV4, NFPROTO_IPV6, NFT_REG_1, NFT_REG32_BASE, NfHook, NftType } from "../../nftables/constants.ts";
import { type Expression, MetaKey } from "../../nftables/expressions.ts";
import { addressBytes, maskBytes, type Subnet } from "../addresses/subnet.ts";

/** IFNAMSIZ bytes, as the kernel compares them. */
export function interfaceName(name: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(name).subarray(0, 15));
  return bytes;
}

/**
 * The bit of the packet mark that says "came in through a host port". Not the CNI portmap plugin's 0x2000: rules it left
 * on a node masquerade what has that, whoever sent it, and pods would not see their clients' addresses. Nor
 * kube-proxy's 0x4000 and 0x8000.
 */
const hostPortMark = 0x1000;

/** After kube-proxy's and other service rules at -100 and 100: what they claim stays theirs (CVE-2019-9946). */
const destinationNatPriority = -95;
const sourceNatPriority = 105;
const rawPriority = -300;

interface FamilyLayout {
  readonly number: number;
  readonly addressType: number;
  readonly addressBytes: number;
  readonly sourceOffset: number;
  readonly destinationOffset: number;
  /** The 4-byte register after one that holds an address. */
  readonly afterAddress: number;
}

const families = {
  4: {
    number: NFPROTO_IPV4,
    addressType: NftType.ipv4Address,
    addressBytes: 4,
    sourceOffset: 12,
    destinationOffset: 16,
    afterAddress: NFT_REG32_BASE + 1,
  },
  6: {
    number: NFPROTO_IPV6,
    addressType: NftType.ipv6Address,
    addressBytes: 16,
    sourceOffset: 8,
    destinationOffset: 24,
    afterAddress: NFT_REG32_BASE + 4,
  },
} as const satisfies Record<4 | 6, FamilyLayout>;

/** Keyed by protocol and port, or by destination address too for mappings with a hostIP. */
export function hostPortMap(family: 4 | 6, withAddress: boolean): MapDefinition {
  const { addressType, addressBytes: bytes } = families[family];
  return {
    name: `hostports${family}${withAddress ? "_by_address" : ""}`,
    keyTypes: [...(withAddress ? [addressType] : []), NftType.inetProtocol, NftType.inetService],
    keyBytes: 8 + (withAddress ? bytes : 0),
    dataTypes: [addressType, NftType.inetService],
    dataBytes: bytes + 4,
  };
}

/**
 * Everything of crib's table. `nft list table inet NAME` shows it as:
 *
 * ```
 * chain hostports {    # by address first
 *   dnat ip to ip daddr . meta l4proto . th dport map @hostports4_by_address  (the packet marked 0x1000)
 *   dnat ip to meta l4proto . th dport map @hostports4                        (…), the same for ip6
 * }
 * chain prerouting   { type nat hook prerouting priority -95;  fib daddr type local jump hostports }
 * chain output       { type nat hook output priority -95;      fib daddr type local jump hostports }
 * chain postrouting  { type nat hook postrouting priority 105;
 *   ip saddr SUBNET oifname != BRIDGE masquerade
 *   oifname BRIDGE meta mark & 0x1000 == 0x1000 ip saddr SUBNET masquerade
 *   oifname BRIDGE meta mark & 0x1000 == 0x1000 ip saddr 127.0.0.0/8 masquerade
 * }
 * chain loopback     { type filter hook prerouting priority -300;
 *   iifname BRIDGE ip saddr 127.0.0.0/8 drop
 *   iifname BRIDGE ip daddr 127.0.0.0/8 drop
 * }
 * ```
 *
 * - `fib daddr type local`: a host port is a port of this node's addresses, of no other destination
 *   (CVE-2019-9946, CVE-2025-67499).
 * - A pod that reaches a pod of the same bridge through a host port must see the answer come from the node: its
 *   connection is masqueraded. So is one from 127.0.0.1, which no pod could answer.
 * - `loopback` closes what route_localnet on the bridge would open to pods (CVE-2020-8558): neither may they reach a service
 *   of the host's loopback, nor pass for one of its clients. For ::1 the kernel has no such switch, and drops both.
 */
export function writeRuleset(
  batch: NftBatch,
  bridge: string,
  subnets: readonly Subnet[],
  elements: readonly SetElement[],
): void {
  // Existing or not: added, deleted and added in one transaction, it is replaced without an instant in between.
  batch.addTable();
  batch.deleteTable();
  batch.addTable();
  for (const family of [4, 6] as const) {
    batch.addMap(hostPortMap(family, true));
    batch.addMap(hostPortMap(family, false));
  }
  batch.addChain("hostports");
  batch.addChain("prerouting", { type: "nat", hook: NfHook.prerouting, priority: destinationNatPriority });
  batch.addChain("output", { type: "nat", hook: NfHook.output, priority: destinationNatPriority });
  batch.addChain("postrouting", { type: "nat", hook: NfHook.postrouting, priority: sourceNatPriority });
  batch.addChain("loopback", { type: "filter", hook: NfHook.prerouting, priority: rawPriority });

  for (const family of [4, 6] as const) {
    batch.addRule("hostports", destinationNat(family, true));
    batch.addRule("hostports", destinationNat(family, false));
  }
  batch.addRule("prerouting", [...isLocalDestination, { kind: "jump", chain: "hostports" }]);
  batch.addRule("output", [...isLocalDestination, { kind: "jump", chain: "hostports" }]);
  for (const subnet of subnets) {
    batch.addRule("postrouting", [...fromSubnet(subnet), ...outputInterface(bridge, false), { kind: "masquerade" }]);
    batch.addRule("postrouting", [...throughHostPort(bridge), ...fromSubnet(subnet), { kind: "masquerade" }]);
  }
  batch.addRule("postrouting", [...throughHostPort(bridge), ...loopbackAddress("source"), { kind: "masquerade" }]);
  for (const side of ["source", "destination"] as const) {
    batch.addRule("loopback", [
      { kind: "meta", key: MetaKey.inputInterfaceName, register: NFT_REG_1 },
      { kind: "compare", register: NFT_REG_1, equal: true, value: interfaceName(bridge) },
      ...loopbackAddress(side),
      { kind: "drop" },
    ]);
  }
  for (const element of elements) batch.addElement(element);
}

const isLocalDestination: readonly Expression[] = [
  { kind: "fib-daddr-type", register: NFT_REG_1 },
  // RTN_LOCAL, in host byte order: the one value here that is not of the packet.
  { kind: "compare", register: NFT_REG_1, equal: true, value: hostU32(2) },
];

function destinationNat(family: 4 | 6, withAddress: boolean): readonly Expression[] {
  const layout = families[family];
  const map = hostPortMap(family, withAddress).name;
  const protocolRegister = withAddress ? layout.afterAddress : NFT_REG32_BASE;
  const markRegister = NFT_REG32_BASE + 8;
  return [
    ...isFamily(family),
    ...(withAddress ? [addressOf(family, "destination")] : []),
    { kind: "meta", key: MetaKey.layer4Protocol, register: protocolRegister },
    { kind: "payload", base: "transport", offset: 2, length: 2, register: protocolRegister + 1 },
    { kind: "lookup", set: map, register: NFT_REG_1, into: NFT_REG_1 },
    // After the lookup, which ends the rule for packets of no host port: only theirs are marked.
    { kind: "meta", key: MetaKey.mark, register: markRegister },
    { kind: "bitwise", register: markRegister, mask: hostU32(~hostPortMark >>> 0), xor: hostU32(hostPortMark) },
    { kind: "set-meta", key: MetaKey.mark, register: markRegister },
    { kind: "dnat", family: layout.number, addressRegister: NFT_REG_1, portRegister: layout.afterAddress },
  ];
}

function isFamily(family: 4 | 6): readonly Expression[] {
  return [
    { kind: "meta", key: MetaKey.family, register: NFT_REG_1 },
    { kind: "compare", register: NFT_REG_1, equal: true, value: Uint8Array.of(families[family].number) },
  ];
}

function addressOf(family: 4 | 6, side: "source" | "destination"): Expression {
  const layout = families[family];
  const offset = side === "source" ? layout.sourceOffset : layout.destinationOffset;
  return { kind: "payload", base: "network", offset, length: layout.addressBytes, register: NFT_REG_1 };
}

function fromSubnet(subnet: Subnet): readonly Expression[] {
  const mask = maskBytes(subnet);
  return [
    ...isFamily(subnet.family),
    addressOf(subnet.family, "source"),
    { kind: "bitwise", register: NFT_REG_1, mask, xor: new Uint8Array(mask.length) },
    { kind: "compare", register: NFT_REG_1, equal: true, value: addressBytes(subnet.family, subnet.base) },
  ];
}

function loopbackAddress(side: "source" | "destination"): readonly Expression[] {
  return [
    ...isFamily(4),
    addressOf(4, side),
    { kind: "bitwise", register: NFT_REG_1, mask: Uint8Array.of(255, 0, 0, 0), xor: new Uint8Array(4) },
    { kind: "compare", register: NFT_REG_1, equal: true, value: Uint8Array.of(127, 0, 0, 0) },
  ];
}

function outputInterface(name: string, equal: boolean): readonly Expression[] {
  return [
    { kind: "meta", key: MetaKey.outputInterfaceName, register: NFT_REG_1 },
    { kind: "compare", register: NFT_REG_1, equal, value: interfaceName(name) },
  ];
}

function throughHostPort(bridge: string): readonly Expression[] {
  return [
    ...outputInterface(bridge, true),
    { kind: "meta", key: MetaKey.mark, register: NFT_REG_1 },
    { kind: "bitwise", register: NFT_REG_1, mask: hostU32(hostPortMark), xor: hostU32(0) },
    { kind: "compare", register: NFT_REG_1, equal: true, value: hostU32(hostPortMark) },
  ];
}

function hostU32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
