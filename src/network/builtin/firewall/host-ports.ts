import { alreadyExists, failedPrecondition, invalidArgument } from "../../../errors/crib-error.ts";
import type { SandboxId } from "../../../ids/object-id.ts";
import type { SetElement } from "../../nftables/batch.ts";
import type { PortMapping } from "../../port.ts";
import { type Address, addressBytes, parseAddress } from "../addresses/subnet.ts";
import { hostPortMap } from "./ruleset.ts";

const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const satisfies Record<PortMapping["protocol"], number>;

/** One family of one mapping: what becomes one map element. */
export interface HostPort {
  readonly family: 4 | 6;
  readonly protocol: PortMapping["protocol"];
  readonly port: number;
  /** undefined for every address of the node. */
  readonly hostAddress: bigint | undefined;
  readonly podAddress: bigint;
  readonly podPort: number;
}

interface Holder {
  readonly pod: string;
  readonly ports: readonly HostPort[];
}

/** Which pod has which host ports, and what that is in the nftables maps. */
export class HostPorts {
  readonly #holders = new Map<SandboxId, Holder>();

  /** @throws {CribError} already-exists when another pod has a port; nothing is held then. */
  hold(owner: SandboxId, pod: string, ports: readonly HostPort[]): void {
    for (const [other, holder] of this.#holders) {
      if (other === owner) continue;
      const taken = ports.find((port) => holder.ports.some((held) => collide(port, held)));
      if (taken !== undefined)
        throw alreadyExists("host port", `${taken.port}/${taken.protocol}`, `pod ${holder.pod} has it`);
    }
    if (ports.length > 0) this.#holders.set(owner, { pod, ports });
  }

  release(owner: SandboxId): void {
    this.#holders.delete(owner);
  }

  portsOf(owner: SandboxId): readonly HostPort[] {
    return this.#holders.get(owner)?.ports ?? [];
  }

  elementsOf(owner: SandboxId): readonly SetElement[] {
    return this.portsOf(owner).map(hostPortElement);
  }

  allElements(): readonly SetElement[] {
    return [...this.#holders.values()].flatMap((holder) => holder.ports.map(hostPortElement));
  }

  /** Whether the node must route its own 127.0.0.1 to the bridge for some pod. */
  needsLoopbackRouting(): boolean {
    const loopback = (address: bigint | undefined): boolean => address === undefined || address >> 24n === 127n;
    return [...this.#holders.values()].some(({ ports }) =>
      ports.some((port) => port.family === 4 && loopback(port.hostAddress)),
    );
  }
}

/**
 * The mappings of a pod with these addresses. "" as hostIP means both families, an unspecified address all of its own, or of the
 * pod's where it has none of that family.
 *
 * @throws {CribError} invalid-argument for a malformed hostIP or port, failed-precondition where the pod has no address of the hostIP's family.
 */
export function hostPortsOf(mappings: readonly PortMapping[], addresses: readonly Address[]): readonly HostPort[] {
  const ports = new Map<string, HostPort>();
  for (const mapping of mappings) {
    checkPort(mapping.hostPort, "host");
    checkPort(mapping.containerPort, "container");
    const host = mapping.hostIp === "" ? undefined : parseAddress(mapping.hostIp);
    if (mapping.hostIp !== "" && host === undefined) {
      throw invalidArgument(
        `host IP ${JSON.stringify(mapping.hostIp.slice(0, 80))} of port ${mapping.hostPort} is not an address`,
      );
    }
    const ofFamily = addresses.filter(({ family }) => host === undefined || host.family === family);
    // Every address of the node, as a listener on [::] hears IPv4 too: what the pod has of them is served.
    const targets = ofFamily.length === 0 && host?.value === 0n ? addresses : ofFamily;
    if (host !== undefined && targets.length === 0) {
      throw failedPrecondition(
        `host port ${mapping.hostIp} ${mapping.hostPort}/${mapping.protocol} needs a pod address of IPv${host.family}; add such a range to network.subnet`,
      );
    }
    for (const { family, value } of targets) {
      const port: HostPort = {
        family,
        protocol: mapping.protocol,
        port: mapping.hostPort,
        hostAddress: host === undefined || host.value === 0n ? undefined : host.value,
        podAddress: value,
        podPort: mapping.containerPort,
      };
      const key = `${family}/${port.protocol}/${port.port}/${port.hostAddress}`;
      const same = ports.get(key);
      if (same !== undefined && same.podPort !== port.podPort) {
        throw invalidArgument(
          `host port ${port.port}/${port.protocol} is mapped twice, to container ports ${same.podPort} and ${port.podPort}`,
        );
      }
      ports.set(key, port);
    }
  }
  return [...ports.values()];
}

function hostPortElement(port: HostPort): SetElement {
  const withAddress = port.hostAddress !== undefined;
  const address = port.hostAddress === undefined ? [] : addressBytes(port.family, port.hostAddress);
  return {
    set: hostPortMap(port.family, withAddress).name,
    key: Uint8Array.of(...address, protocolNumbers[port.protocol], 0, 0, 0, ...portBytes(port.port)),
    value: Uint8Array.of(...addressBytes(port.family, port.podAddress), ...portBytes(port.podPort)),
  };
}

/** Network byte order, padded to a register. */
function portBytes(port: number): readonly number[] {
  return [port >> 8, port & 0xff, 0, 0];
}

function collide(a: HostPort, b: HostPort): boolean {
  if (a.family !== b.family || a.protocol !== b.protocol || a.port !== b.port) return false;
  return a.hostAddress === undefined || b.hostAddress === undefined || a.hostAddress === b.hostAddress;
}

function checkPort(port: number, side: string): void {
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw invalidArgument(`${side} port ${port} is not between 1 and 65535`);
}
