import { ErrnoError } from "../../errors/errno-error.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import type { Log } from "../../observe/log.ts";
import { listAddresses } from "../netlink/addresses.ts";
import { forgetUdpFlows } from "../netlink/conntrack.ts";
import { type NetlinkKernel, NetlinkSocket } from "../netlink/netlink-socket.ts";
import type { AttachRequest, NetworkAttachment } from "../port.ts";
import { type HostPort, HostPorts, hostPortsOf } from "./host-ports.ts";
import { refusePortsInUse } from "./listening-ports.ts";
import { PodFirewall } from "./pod-firewall.ts";
import { type Address, parseAddress, type Subnet, toBigInt } from "./subnet.ts";
import { type SysctlKernel, setNetworkSysctl } from "./sysctl.ts";

/**
 * Host ports from the reservation to the rule, and the rules they live in.
 *
 * The ports held in memory are what the table should contain: whoever damages it, it is written whole from them.
 */
export class PublishedPorts implements Disposable {
  readonly #kernel: NetlinkKernel & SysctlKernel;
  readonly #bridge: string;
  readonly #route: () => NetlinkSocket;
  readonly #log: Log;
  readonly #held = new HostPorts();
  readonly #firewall: PodFirewall;
  #subnets: readonly Subnet[] = [];
  #loopbackRouted = false;

  constructor(options: {
    readonly kernel: NetlinkKernel & SysctlKernel;
    readonly bridge: string;
    readonly route: () => NetlinkSocket;
    readonly log: Log;
  }) {
    this.#kernel = options.kernel;
    this.#bridge = options.bridge;
    this.#route = options.route;
    this.#log = options.log;
    this.#firewall = new PodFirewall(options.kernel, options.bridge);
  }

  /** Takes the pod's ports; nothing leads to them yet. @throws {CribError} when one is another pod's or a process's of the node. */
  reserve(request: AttachRequest, addresses: readonly Address[]): void {
    if (request.portMappings.length === 0) return;
    const ports = hostPortsOf(request.portMappings, addresses);
    using sockets = NetlinkSocket.open(this.#kernel, "sockDiag");
    refusePortsInUse(sockets, ports);
    this.#held.hold(request.sandboxId, `${request.namespace}/${request.name}`, ports);
  }

  /** Gives a reservation back that was never published. */
  release(owner: SandboxId): void {
    this.#held.release(owner);
  }

  /** Leads the reserved ports to the pod. All or nothing. */
  publish(owner: SandboxId): void {
    const elements = this.#held.elementsOf(owner);
    if (elements.length === 0) return;
    this.#routeLoopback();
    this.#firewall.addElements(elements);
    this.#forgetFlows(this.#held.portsOf(owner));
  }

  /** Idempotent. */
  withdraw(owner: SandboxId): void {
    const ports = this.#held.portsOf(owner);
    if (ports.length === 0) return;
    const complete = this.#firewall.removeElements(this.#held.elementsOf(owner));
    this.#held.release(owner);
    if (!complete) this.writeRules(this.#subnets);
    this.#forgetFlows(ports);
  }

  /** Holds what a live pod has; the rules are the caller's to write, once for all pods. */
  adopt(request: AttachRequest, attachment: NetworkAttachment): void {
    try {
      const addresses = attachment.ips.flatMap((ip) => parseAddress(ip) ?? []);
      const ports = hostPortsOf(attachment.portMappings, addresses);
      this.#held.hold(request.sandboxId, `${request.namespace}/${request.name}`, ports);
    } catch (error) {
      // One bad record must not keep the others from being adopted.
      this.#log.warn({ sandbox: request.sandboxId, error }, "host ports of a pod could not be taken over");
    }
  }

  /** The whole table, in one transaction: masquerading of these ranges and every port held. @throws {CribError} */
  writeRules(subnets: readonly Subnet[]): void {
    this.#subnets = subnets;
    this.#firewall.write(subnets, this.#held.allElements());
    if (this.#held.needsLoopbackRouting()) this.#routeLoopback();
  }

  rulesAreIntact(): boolean {
    return this.#firewall.isIntact();
  }

  removeRules(): void {
    this.#firewall.remove();
  }

  /** The bridge is a new one: it knows nothing of what was set on the old. */
  bridgeWasMade(): void {
    this.#loopbackRouted = false;
  }

  [Symbol.dispose](): void {
    this.#firewall[Symbol.dispose]();
  }

  /** Only once some pod has a host port on 127.0.0.1: the bridge then takes part in routing it. */
  #routeLoopback(): void {
    if (this.#loopbackRouted || !this.#held.needsLoopbackRouting()) return;
    setNetworkSysctl(this.#kernel, `ipv4/conf/${this.#bridge}/route_localnet`, "1");
    this.#loopbackRouted = true;
  }

  #forgetFlows(ports: readonly HostPort[]): void {
    const udp = ports.filter(({ protocol }) => protocol === "udp");
    if (udp.length === 0) return;
    try {
      using socket = NetlinkSocket.open(this.#kernel, "netfilter");
      const local = new Set(listAddresses(this.#route()).map(({ bytes }) => toBigInt(bytes)));
      const isLocal = (address: bigint): boolean => local.has(address) || address >> 24n === 127n;
      for (const { family, port, hostAddress } of udp) {
        forgetUdpFlows(socket, family, port, (bytes) => {
          const address = toBigInt(bytes);
          return hostAddress === undefined ? isLocal(address) : address === hostAddress;
        });
      }
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      // A kernel without connection tracking over netlink: at worst an old client waits for its flow to expire.
      this.#log.debug({ error }, "old UDP flows to host ports could not be forgotten");
    }
  }
}
