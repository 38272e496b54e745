import type { NetworkAttachment, PodNetworkRequest } from "../port.ts";
import { type Address, formatAddress, gatewayOf, rangeOf, type Subnet } from "./addresses/subnet.ts";
import { podLinkName } from "./links/pod-link.ts";

/** What is kept of a pod's connection, and shown to people: the built-in network's own words for a CNI result. */
export function attachmentOf(
  request: PodNetworkRequest,
  made: {
    readonly bridge: string;
    readonly mtu: number;
    readonly addresses: readonly (Address & { readonly subnet: Subnet })[];
  },
): NetworkAttachment {
  const ips = made.addresses.map(({ family, value }) => formatAddress(family, value));
  return {
    provider: "builtin",
    ips,
    portMappings: request.portMappings,
    result: {
      bridge: made.bridge,
      hostInterface: podLinkName(request.sandboxId),
      interface: "eth0",
      addresses: made.addresses.map(({ subnet }, i) => `${ips[i]}/${subnet.prefix}`),
      gateways: made.addresses.map(({ family, subnet }) => formatAddress(family, gatewayOf(subnet))),
      mtu: made.mtu,
    },
    cniConfig: undefined,
  };
}

/** The ranges a pod's addresses were of when it was made. */
export function rangesOf({ result }: NetworkAttachment): readonly Subnet[] {
  const addresses: unknown = typeof result === "object" && result !== null && "addresses" in result && result.addresses;
  if (!Array.isArray(addresses)) return [];
  return addresses.flatMap((text) => (typeof text === "string" ? (rangeOf(text) ?? []) : []));
}
