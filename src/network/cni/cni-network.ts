import { unavailable } from "../../errors/crib-error.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import type { HostPath } from "../../ids/path.ts";
import type { Kernel } from "../../kernel/port.ts";
import type { NetworkAttachment, PodNetworkRequest } from "../port.ts";
import { capabilityArgs } from "./capability-args.ts";
import { cniArgs } from "./cni-args.ts";
import { type CniNetwork, isAtLeast, isObject, type JsonObject, parseNetworkList } from "./network-list.ts";
import {
  type Attachment,
  addToNetwork,
  type ChainOptions,
  checkStatus,
  collectGarbage,
  removeFromNetwork,
} from "./plugin-chain.ts";
import { podAddresses } from "./result.ts";

/** linux/magic.h: what a namespace's file lives on. */
const NSFS_MAGIC = 0x6e736673;
const statusLifetimeMs = 10_000;

export interface NetworkStatus {
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
}

const readyStatus: NetworkStatus = { ready: true, reason: "", message: "" };

/** Pods' networks by CNI plugins. No lock is held across a plugin: pods wait for their own plugins alone. */
export class CniNetworks {
  readonly #kernel: Pick<Kernel, "statfs">;
  readonly #options: ChainOptions;
  /** Settled when a GC under way is done: an ADD during it would be of a pod the GC does not know. */
  #garbageCollected: Promise<void> = Promise.resolve();
  #status: { readonly network: CniNetwork; status: NetworkStatus; checkedAtMs: number; running: boolean } | undefined;

  constructor(kernel: Pick<Kernel, "statfs">, options: ChainOptions) {
    this.#kernel = kernel;
    this.#options = options;
  }

  async attach(network: CniNetwork, request: PodNetworkRequest, signal: AbortSignal): Promise<NetworkAttachment> {
    const attachment = describe(request, request.netns);
    await this.#garbageCollected;
    const result = await addToNetwork(network, attachment, signal, this.#options);
    const what = `CNI network ${JSON.stringify(network.name)}`;
    try {
      const ips = podAddresses(result, what);
      if (ips.length === 0) throw unavailable(`${what} gave the pod no address`);
      return { provider: "cni", ips, portMappings: request.portMappings, result, cniConfig: network.document };
    } catch (error) {
      await removeFromNetwork(network, attachment, result, this.#options);
      throw error;
    }
  }

  /** `fallback` is for a pod whose ADD was never recorded: it can only have been of the network configured then. */
  async detach(
    request: PodNetworkRequest,
    attached: NetworkAttachment | undefined,
    fallback: CniNetwork | undefined,
  ): Promise<void> {
    const network =
      attached === undefined
        ? fallback
        : parseNetworkList(attached.cniConfig, `recorded CNI network of ${request.sandboxId}`);
    if (network === undefined) return;
    const netns = this.#isNamespace(request.netns) ? request.netns : "";
    const prevResult: JsonObject | undefined = isObject(attached?.result) ? attached.result : undefined;
    await removeFromNetwork(network, describe(request, netns), prevResult, this.#options);
  }

  /** Starts a GC where the network knows it; ADDs wait for it, the caller does not. */
  reconcile(network: CniNetwork, liveIds: readonly string[]): void {
    if (!isAtLeast(network.cniVersion, "1.1.0") || network.disableGc) return;
    this.#garbageCollected = collectGarbage(network, liveIds, this.#options).catch((error: unknown) =>
      this.#options.log.warn({ error, network: network.name }, "CNI garbage collection failed"),
    );
  }

  /** Never waits: what STATUS said last, asked again in the background when that is old. */
  status(network: CniNetwork): NetworkStatus {
    if (!isAtLeast(network.cniVersion, "1.1.0")) return readyStatus;
    if (this.#status?.network !== network) {
      const pending = {
        ready: false,
        reason: "CNIStatusPending",
        message: `CNI network ${network.name} was not asked for its status yet`,
      };
      this.#status = { network, status: pending, checkedAtMs: Number.NEGATIVE_INFINITY, running: false };
    }
    const entry = this.#status;
    const { clock } = this.#options;
    if (!entry.running && clock.monotonicMs() - entry.checkedAtMs >= statusLifetimeMs) {
      entry.running = true;
      checkStatus(network, this.#options)
        .then(
          () => readyStatus,
          (error: unknown): NetworkStatus => ({
            ready: false,
            reason: "CNIStatusFailed",
            message: error instanceof Error ? error.message : String(error),
          }),
        )
        .then((status) => Object.assign(entry, { status, checkedAtMs: clock.monotonicMs(), running: false }))
        .catch((error: unknown) => this.#options.log.error({ error }, "CNI status could not be kept"));
    }
    return entry.status;
  }

  /** A path alone proves nothing: after a reboot it may be a plain file where the namespace was mounted. */
  #isNamespace(path: HostPath): boolean {
    try {
      return this.#kernel.statfs(path).type === NSFS_MAGIC;
    } catch (error) {
      if (error instanceof ErrnoError) return false;
      throw error;
    }
  }
}

function describe(request: PodNetworkRequest, netns: string): Attachment {
  return { containerId: request.sandboxId, netns, args: cniArgs(request), capabilityArgs: capabilityArgs(request) };
}
