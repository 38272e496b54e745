import type { CribError } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import type { Fd } from "../../ids/process.ts";
import { connectLink, createVeth, findLink, listLinks } from "../netlink/links.ts";
import { NetlinkError } from "../netlink/netlink-error.ts";
import { NetlinkSocket } from "../netlink/netlink-socket.ts";
import type { NetworkAttachment, PodNetworkRequest } from "../port.ts";
import { withNetns } from "../with-netns.ts";
import { AddressPool } from "./addresses/address-pool.ts";
import { ChosenRange } from "./addresses/chosen-range.ts";
import { refuseTakenGateways, subnetOfAddress } from "./addresses/pool-subnets.ts";
import { type Address, parseSubnets, type Subnet } from "./addresses/subnet.ts";
import { asNetworkError } from "./as-network-error.ts";
import { attachmentOf, rangesOf } from "./attachment-result.ts";
import type { BuiltinNetworkOptions } from "./builtin-options.ts";
import { PodRules } from "./firewall/pod-rules.ts";
import { type Bridge, ensureBridge } from "./links/bridge.ts";
import { configurePodEnd, podMacOf } from "./links/configure-pod-end.ts";
import { LeftoverLinks } from "./links/leftover-links.ts";
import { isPodLink, podLinkAlias, podLinkName } from "./links/pod-link.ts";
import { removeNetwork } from "./links/remove-network.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { setNetworkSysctl } from "./sysctl.ts";

const retrySetupAfterMs = 5000;
/** A status waits for no pod that is being connected. */
const statusPatienceMs = 4;

interface LivePod {
  readonly request: PodNetworkRequest;
  readonly attachment: NetworkAttachment;
}

/**
 * Pod networking without a plugin: a bridge, a veth pair a pod, addresses from a range, masquerading and host ports.
 *
 * Pods are connected one at a time, so two never see each other half-done; the kernel does it one at a time too. It is done beside
 * the event loop (`NetlinkSocket`). The static parts (bridge, nftables table) are
 * made at the first pod and verified by two cheap questions at each next one; when another program removed them they are made
 * again with all that belongs to the pods that live.
 */
export class BuiltinNetwork implements AsyncDisposable {
  readonly #options: BuiltinNetworkOptions;
  readonly #pool: AddressPool;
  readonly #rules: PodRules;
  readonly #leftovers: LeftoverLinks;
  readonly #turns = new OneAtATime();
  /** Undefined when a person or the kubelet named the range. */
  #chosen: ChosenRange | undefined;
  /** Every range ever in use by text: pods of an earlier range keep their masquerading. */
  readonly #knownSubnets = new Map<string, Subnet>();
  #checking: Promise<void> | undefined;
  #route: NetlinkSocket | undefined;
  #bridge: Bridge | undefined;
  #failure: { readonly error: CribError; readonly atMs: number } | undefined;

  constructor(options: BuiltinNetworkOptions) {
    this.#options = options;
    const { subnet, rangeFile } = options;
    this.#pool = new AddressPool(subnet === undefined ? [] : parseSubnets(subnet));
    this.#chosen = subnet === undefined ? new ChosenRange({ ...options, file: rangeFile }) : undefined;
    const route = (): NetlinkSocket => this.#routeSocket();
    this.#rules = new PodRules({ ...options, route });
    this.#leftovers = new LeftoverLinks({ ...options, route });
    this.#remember(this.#pool.subnets);
  }

  /** @throws {CribError} see `PodNetwork.attach`; nothing is left behind then. */
  async attach(request: PodNetworkRequest): Promise<NetworkAttachment> {
    try {
      return await this.#turns.run(() => this.#attach(request));
    } catch (error) {
      throw asNetworkError(error, `cannot connect sandbox ${request.sandboxId} to bridge ${this.#options.bridge}`);
    }
  }

  async #attach(request: PodNetworkRequest): Promise<NetworkAttachment> {
    const bridge = await this.#ensureReady();
    await using undo = new AsyncDisposableStack();
    const addresses = this.#pool.allocate(request.sandboxId);
    undo.defer(() => this.#pool.release(request.sandboxId));

    undo.defer(() => this.#rules.release(request.sandboxId));
    await this.#rules.reserve(request, addresses);

    undo.defer(() => this.#leftovers.add(podLinkName(request.sandboxId)));
    await withNetns(this.#options.kernel, request.netns, (netns) => this.#connect(request, bridge, netns, addresses));
    await this.#rules.publish(request.sandboxId);
    undo.move();
    return attachmentOf(request, {
      bridge: this.#options.bridge,
      mtu: bridge.mtu,
      addresses: addresses.map((address) => ({ ...address, subnet: subnetOfAddress(this.#pool.subnets, address) })),
    });
  }

  /** Idempotent. Needs no namespace. The link itself ends with the pod's namespace, or soon after this. */
  async detach(sandboxId: SandboxId): Promise<void> {
    await this.#turns.run(async () => {
      await this.#leftovers.add(podLinkName(sandboxId));
      await this.#rules.withdraw(sandboxId);
      this.#pool.release(sandboxId);
    });
  }

  /** Takes over live pods; removes this daemon's bridge ports and map elements of all others. */
  async reconcile(live: readonly LivePod[]): Promise<void> {
    await this.#turns.run(() => this.#reconcile(live));
  }

  async #reconcile(live: readonly LivePod[]): Promise<void> {
    const liveNames = new Set(live.map(({ request }) => podLinkName(request.sandboxId)));
    for (const { request, attachment } of live) {
      this.#pool.adopt(request.sandboxId, attachment.ips);
      this.#rules.adopt(request, attachment);
      // The range may have been another when the pod was made: it keeps its address, and its way out.
      this.#remember(rangesOf(attachment));
    }

    const leftovers = (await listLinks(this.#routeSocket()))
      .filter(({ name, alias }) => isPodLink(name, alias, this.#options.owner) && !liveNames.has(name))
      .map(({ name }) => name);
    if (leftovers.length > 0) this.#options.log.info({ links: leftovers }, "removing links of pods that are no more");
    for (const name of leftovers) await this.#leftovers.add(name);
    // Whatever was written before knew nothing of these pods.
    this.#bridge = undefined;
    if (live.length === 0) await this.#tidyUp();
    else await this.#tryReady("the network of live pods could not be verified");
  }

  /**
   * The failure of the last set-up, tried again when it is old: a node that is not ready gets no pod that would retry. What is told is
   * what is known by then, should that take long or others be before it.
   */
  async failure(): Promise<CribError | undefined> {
    const { clock } = this.#options;
    const due =
      this.#failure === undefined
        ? this.#bridge !== undefined
        : clock.monotonicMs() - this.#failure.atMs >= retrySetupAfterMs;
    if (due) {
      const waits = this.#turns.isBusy;
      const checked = this.#check();
      if (waits) return this.#failure?.error;
      const told = new AbortController();
      await Promise.race([checked, clock.sleep(statusPatienceMs, told.signal)]);
      told.abort();
    }
    return this.#failure?.error;
  }

  /** New pods get addresses of these ranges; pods that live keep theirs. @throws {CribError} invalid-argument */
  async setPodCidr(cidr: string): Promise<void> {
    const subnets = parseSubnets(cidr);
    await this.#turns.run(async () => this.#setSubnets(subnets));
  }

  #setSubnets(subnets: readonly Subnet[]): void {
    this.#chosen = undefined;
    if (subnets.map(({ text }) => text).join() === this.#pool.subnets.map(({ text }) => text).join()) return;
    this.#useSubnets(subnets);
    this.#bridge = undefined;
  }

  /** Without pods nothing of this network stays on the host. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turns.run(async () => {
      if (this.#route !== undefined && this.#pool.owners().length === 0) await this.#tidyUp();
      await this.#leftovers[Symbol.asyncDispose]();
    });
    this.#route?.[Symbol.dispose]();
    this.#rules[Symbol.dispose]();
  }

  async #connect(request: PodNetworkRequest, bridge: Bridge, netns: Fd, addresses: readonly Address[]): Promise<void> {
    const { kernel } = this.#options;
    const peerIndex = await this.#createVeth(request, bridge, netns, addresses);
    setNetworkSysctl(kernel, `ipv6/conf/${podLinkName(request.sandboxId)}/accept_ra`, "0");
    await configurePodEnd(
      kernel,
      netns,
      peerIndex,
      addresses.map((address) => ({ ...address, subnet: subnetOfAddress(this.#pool.subnets, address) })),
    );
  }

  async #createVeth(
    request: PodNetworkRequest,
    bridge: Bridge,
    netns: Fd,
    addresses: readonly Address[],
  ): Promise<number> {
    const create = (master: Bridge): Promise<number> =>
      createVeth(this.#routeSocket(), {
        name: podLinkName(request.sandboxId),
        alias: podLinkAlias(this.#options.owner, request.namespace, request.name),
        bridgeIndex: master.index,
        mtu: master.mtu,
        peerNetns: netns,
        peerName: "eth0",
        peerMac: podMacOf(addresses),
      });
    try {
      return await create(bridge);
    } catch (error) {
      if (error instanceof NetlinkError && error.errno === Errno.EEXIST) {
        // An earlier attempt of this very sandbox, undone but not yet swept away.
        await this.#leftovers.deleteNow(podLinkName(request.sandboxId));
        return await create(bridge);
      }
      const found = await findLink(this.#routeSocket(), this.#options.bridge);
      if (found?.index === bridge.index) throw error;
      this.#options.log.warn({ bridge: this.#options.bridge }, "the bridge was removed by someone; making it again");
      this.#bridge = undefined;
      return await create(await this.#ensureReady());
    }
  }

  async #ensureReady(): Promise<Bridge> {
    try {
      if (this.#bridge === undefined) {
        if (this.#chosen !== undefined) this.#useSubnets(await this.#chosen.current(this.#routeSocket()));
        refuseTakenGateways(this.#pool);
        const { kernel, bridge, mtu, owner, antiSpoofing } = this.#options;
        const made = await ensureBridge(this.#routeSocket(), kernel, {
          name: bridge,
          subnets: this.#pool.subnets,
          mtu,
          owner,
          antiSpoofing,
        });
        // Their links lost their bridge with the one that was removed; where it is the same this changes nothing.
        for (const id of this.#pool.owners()) await connectLink(this.#routeSocket(), podLinkName(id), made.index);
        this.#rules.bridgeWasMade();
        await this.#rules.writeRules([...this.#knownSubnets.values()]);
        this.#bridge = made;
      } else if (!(await this.#rules.rulesAreIntact())) {
        this.#options.log.warn(
          { table: this.#options.bridge },
          "the nftables table was removed by someone; writing it again",
        );
        await this.#rules.writeRules([...this.#knownSubnets.values()]);
      }
      this.#failure = undefined;
      return this.#bridge;
    } catch (error) {
      const failure = asNetworkError(error, `cannot set up the built-in network on bridge ${this.#options.bridge}`);
      this.#failure = { error: failure, atMs: this.#options.clock.monotonicMs() };
      throw failure;
    }
  }

  /** Removes bridge and table, unless another daemon's pods use them. What cannot be removed is told, and does no harm. */
  async #tidyUp(): Promise<void> {
    this.#bridge = undefined;
    try {
      const { bridge, owner } = this.#options;
      await removeNetwork(this.#routeSocket(), this.#rules, bridge, owner);
    } catch (error) {
      this.#options.log.warn({ error, bridge: this.#options.bridge }, "the built-in network could not be removed");
    }
  }

  /** One for all who ask meanwhile. */
  #check(): Promise<void> {
    this.#checking ??= this.#turns
      .run(() => this.#tryReady("the built-in network is not ready"))
      .finally(() => {
        this.#checking = undefined;
      });
    return this.#checking;
  }

  /** For those who can do without: the failure is kept for `failure()`. */
  async #tryReady(otherwise: string): Promise<void> {
    try {
      await this.#ensureReady();
    } catch (error) {
      this.#options.log.warn({ error }, otherwise);
    }
  }

  #useSubnets(subnets: readonly Subnet[]): void {
    this.#pool.setSubnets(subnets);
    this.#remember(subnets);
  }

  #remember(subnets: readonly Subnet[]): void {
    for (const subnet of subnets) this.#knownSubnets.set(subnet.text, subnet);
  }

  #routeSocket(): NetlinkSocket {
    this.#route ??= NetlinkSocket.open(this.#options.kernel, "route");
    return this.#route;
  }
}
