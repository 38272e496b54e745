import ipaddr from "ipaddr.js";
import { CribError, invalidArgument } from "../../../errors/crib-error.ts";

/** A range pods get addresses from; the first address is the gateway's, on the bridge. */
export interface Subnet {
  readonly family: 4 | 6;
  readonly base: bigint;
  readonly prefix: number;
  /** Normalised, for messages and comparison. */
  readonly text: string;
}

const bitsOf = { 4: 32, 6: 128 } as const;

/**
 * Comma-separated CIDRs, at most one of each family, IPv4 or IPv6 first as the node prefers.
 *
 * @throws {CribError} invalid-argument; a range must leave room for a network address, a gateway and a pod.
 */
export function parseSubnets(text: string): readonly Subnet[] {
  const subnets = text.split(",").map((part) => parseSubnet(part.trim()));
  if (new Set(subnets.map((subnet) => subnet.family)).size !== subnets.length) {
    throw invalidArgument(
      `pod ranges ${JSON.stringify(text.slice(0, 200))} hold two of one family; give one IPv4, one IPv6, or both`,
    );
  }
  return subnets;
}

/** The range of an address with its prefix, such as 10.88.0.2/16; undefined for what is none. */
export function rangeOf(text: string): Subnet | undefined {
  try {
    return parseSubnet(text);
  } catch (error) {
    if (CribError.is(error, "invalid-argument")) return undefined;
    throw error;
  }
}

function parseSubnet(text: string): Subnet {
  const shown = JSON.stringify(text.slice(0, 80));
  if (!ipaddr.isValidCIDR(text)) throw invalidArgument(`pod range ${shown} is not a CIDR such as 10.88.0.0/16`);
  const [address, prefix] = ipaddr.parseCIDR(text);
  const family = address.kind() === "ipv4" ? 4 : 6;
  if (family === 4 && !ipaddr.IPv4.isValidFourPartDecimal(text.slice(0, text.indexOf("/")))) {
    throw invalidArgument(`pod range ${shown} is not in dotted decimal`);
  }
  const bits = bitsOf[family];
  if (prefix < 8 || prefix > bits - 2)
    throw invalidArgument(`pod range ${shown} must have a prefix from /8 to /${bits - 2}`);
  const hostBits = BigInt(bits - prefix);
  const base = (toBigInt(address.toByteArray()) >> hostBits) << hostBits;
  return { family, base, prefix, text: `${formatAddress(family, base)}/${prefix}` };
}

export function gatewayOf(subnet: Subnet): bigint {
  return subnet.base + 1n;
}

/** The last address pods may have: an IPv4 range's highest is its broadcast address. */
export function lastOf(subnet: Subnet): bigint {
  const size = 1n << BigInt(bitsOf[subnet.family] - subnet.prefix);
  return subnet.base + size - (subnet.family === 4 ? 2n : 1n);
}

export function subnetContains(subnet: Subnet, address: bigint): boolean {
  const hostBits = BigInt(bitsOf[subnet.family] - subnet.prefix);
  return address >> hostBits === subnet.base >> hostBits;
}

export function subnetsOverlap(a: Subnet, b: Subnet): boolean {
  return a.family === b.family && (subnetContains(a, b.base) || subnetContains(b, a.base));
}

/** Network byte order, 4 or 16 bytes. */
export function addressBytes(family: 4 | 6, address: bigint): Uint8Array {
  const bytes = new Uint8Array(bitsOf[family] / 8);
  let rest = address;
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

export function maskBytes(subnet: Subnet): Uint8Array {
  const bits = bitsOf[subnet.family];
  const hostBits = BigInt(bits - subnet.prefix);
  return addressBytes(subnet.family, ((1n << BigInt(bits)) - 1n) ^ ((1n << hostBits) - 1n));
}

/** The shortest common form; IPv6 as RFC 5952. */
export function formatAddress(family: 4 | 6, address: bigint): string {
  return ipaddr.fromByteArray([...addressBytes(family, address)]).toString();
}

export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** undefined for anything but a plain IPv4 or IPv6 address. */
export function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text))
    return { family: 4, value: toBigInt(ipaddr.IPv4.parse(text).toByteArray()) };
  if (!text.includes(":") || !ipaddr.IPv6.isValid(text)) return undefined;
  return { family: 6, value: toBigInt(ipaddr.IPv6.parse(text).toByteArray()) };
}

export function toBigInt(bytes: Iterable<number>): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}
