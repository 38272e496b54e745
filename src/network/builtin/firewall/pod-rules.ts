import { ErrnoError } from "../../../errors/errno-error.ts";
import type { SandboxId } from "../../../ids/object-id.ts";
import type { Log } from "../../../observe/log.ts";
import { listAddresses } from "../../netlink/addresses.ts";
import { forgetUdpFlows } from "../../netlink/conntrack.ts";
import { type NetlinkKernel, NetlinkSocket } from "../../netlink/netlink-socket.ts";
import type { SetElement } from "../../nftables/batch.ts";
import type { NetworkAttachment, PodNetworkRequest } from "../../port.ts";
import { type Address, parseAddress, type Subnet, toBigInt } from "../addresses/subnet.ts";
import { podLinkName } from "../links/pod-link.ts";
import { type SysctlKernel, setNetworkSysctl } from "../sysctl.ts";
import { type HostPort, HostPorts, hostPortsOf } from "./host-ports.ts";
import { refusePortsInUse } from "./listening-ports.ts";
import { type PodElements, PodFirewall } from "./pod-firewall.ts";
import { guardElements } from "./port-guard.ts";

/**
 * What the rules say of each pod: its host ports, from the reservation to the rule, and what it may send.
 *
 * What is held in memory is what the tables should contain: when another program damages them, they are written whole from it.
 */
export class PodRules implements Disposable {
  readonly #kernel: NetlinkKernel & SysctlKernel;
  readonly #bridge: string;
  readonly #route: () => NetlinkSocket;
  readonly #log: Log;
  readonly #held = new HostPorts();
  readonly #guarded = new Map<SandboxId, readonly SetElement[]>();
  readonly #firewall: PodFirewall;
  #subnets: readonly Subnet[] = [];
  /** What the bridge was told; undefined: it may be either, an earlier daemon told it. */
  #loopbackRouted: boolean | undefined;

  constructor(options: {
    readonly kernel: NetlinkKernel & SysctlKernel;
    readonly bridge: string;
    readonly antiSpoofing: boolean;
    readonly route: () => NetlinkSocket;
    readonly log: Log;
  }) {
    this.#kernel = options.kernel;
    this.#bridge = options.bridge;
    this.#route = options.route;
    this.#log = options.log;
    this.#firewall = new PodFirewall(options);
  }

  /** Takes the pod's ports; nothing leads to them yet. @throws {CribError} when one is another pod's or a process's of the node. */
  async reserve(request: PodNetworkRequest, addresses: readonly Address[]): Promise<void> {
    this.#guarded.set(request.sandboxId, guardElements(podLinkName(request.sandboxId), addresses));
    if (request.portMappings.length === 0) return;
    const ports = hostPortsOf(request.portMappings, addresses);
    using sockets = NetlinkSocket.open(this.#kernel, "sockDiag");
    await refusePortsInUse(sockets, ports);
    this.#held.hold(request.sandboxId, `${request.namespace}/${request.name}`, ports);
  }

  /** Gives a reservation back that was never published. */
  release(owner: SandboxId): void {
    this.#held.release(owner);
    this.#guarded.delete(owner);
  }

  /** Leads the reserved ports to the pod, and keeps it to its own addresses, in one transaction. All or nothing. */
  async publish(owner: SandboxId): Promise<void> {
    this.#routeLoopback();
    await this.#firewall.addElements(this.#elementsOf(owner));
    await this.#forgetFlows(this.#held.portsOf(owner));
  }

  /** Idempotent. */
  async withdraw(owner: SandboxId): Promise<void> {
    if (!this.#guarded.has(owner)) return;
    const ports = this.#held.portsOf(owner);
    const complete = await this.#firewall.removeElements(this.#elementsOf(owner));
    this.release(owner);
    if (!complete) await this.writeRules(this.#subnets);
    if (ports.length === 0) return;
    this.#routeLoopback();
    await this.#forgetFlows(ports);
  }

  /** Holds what a live pod has; the rules are the caller's to write, once for all pods. */
  adopt(request: PodNetworkRequest, attachment: NetworkAttachment): void {
    try {
      const addresses = attachment.ips.flatMap((ip) => parseAddress(ip) ?? []);
      this.#guarded.set(request.sandboxId, guardElements(podLinkName(request.sandboxId), addresses));
      const ports = hostPortsOf(attachment.portMappings, addresses);
      this.#held.hold(request.sandboxId, `${request.namespace}/${request.name}`, ports);
    } catch (error) {
      // One bad record must not keep the others from being adopted.
      this.#log.warn({ sandbox: request.sandboxId, error }, "host ports of a pod could not be taken over");
    }
  }

  /** Both tables, in one transaction: masquerading of these ranges, every port held and every pod's own addresses. @throws {CribError} */
  async writeRules(subnets: readonly Subnet[]): Promise<void> {
    this.#subnets = subnets;
    await this.#firewall.write(subnets, {
      hostPorts: this.#held.allElements(),
      guard: [...this.#guarded.values()].flat(),
    });
    this.#routeLoopback();
  }

  async rulesAreIntact(): Promise<boolean> {
    return await this.#firewall.isIntact();
  }

  async removeRules(): Promise<void> {
    await this.#firewall.remove();
  }

  /** The bridge is a new one: it knows nothing of what was set on the old. */
  bridgeWasMade(): void {
    this.#loopbackRouted = undefined;
  }

  [Symbol.dispose](): void {
    this.#firewall[Symbol.dispose]();
  }

  #elementsOf(owner: SandboxId): PodElements {
    return { hostPorts: this.#held.elementsOf(owner), guard: this.#guarded.get(owner) ?? [] };
  }

  /** The bridge takes part in routing 127.0.0.1 for just as long as some pod has a host port there. */
  #routeLoopback(): void {
    const needed = this.#held.needsLoopbackRouting();
    if (this.#loopbackRouted === needed) return;
    setNetworkSysctl(this.#kernel, `ipv4/conf/${this.#bridge}/route_localnet`, needed ? "1" : "0");
    this.#loopbackRouted = needed;
  }

  async #forgetFlows(ports: readonly HostPort[]): Promise<void> {
    const udp = ports.filter(({ protocol }) => protocol === "udp");
    if (udp.length === 0) return;
    try {
      using socket = NetlinkSocket.open(this.#kernel, "netfilter");
      const local = new Set((await listAddresses(this.#route())).map(({ bytes }) => toBigInt(bytes)));
      const isLocal = (address: bigint): boolean => local.has(address) || address >> 24n === 127n;
      for (const { family, port, hostAddress } of udp) {
        await forgetUdpFlows(socket, family, port, (bytes) => {
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
