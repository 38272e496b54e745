import { CribError, failedPrecondition } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import { NetlinkError } from "../netlink/netlink-error.ts";
import { type NetlinkKernel, NetlinkSocket } from "../netlink/netlink-socket.ts";
import { type MapElement, nftGeneration, requireTable, runNftBatch } from "../nftables/batch.ts";
import { writeRuleset } from "./ruleset.ts";
import type { Subnet } from "./subnet.ts";

const modules = "nf_tables, nft_nat, nft_masq and nft_fib_inet";

/** The built-in network's nftables table, named as its bridge: written whole once, then only elements come and go. */
export class PodFirewall implements Disposable {
  readonly #kernel: NetlinkKernel;
  readonly #bridge: string;
  #socket: NetlinkSocket | undefined;
  /** The ruleset's generation the table was last seen in; undefined: look again. */
  #seenGeneration: number | undefined;

  constructor(kernel: NetlinkKernel, bridge: string) {
    this.#kernel = kernel;
    this.#bridge = bridge;
  }

  /** Replaces the whole table in one transaction. @throws {CribError} failed-precondition when the kernel lacks a part of nftables. */
  write(subnets: readonly Subnet[], elements: readonly MapElement[]): void {
    try {
      this.#run("write the rules", (batch) => writeRuleset(batch, this.#bridge, subnets, elements));
    } catch (error) {
      // Nothing is looked up here but the kernel's own parts: one of them is missing.
      if (error instanceof NetlinkError && error.errno === Errno.ENOENT) throw lackingNftables(error);
      throw error;
    }
  }

  addElements(elements: readonly MapElement[]): void {
    this.#run("add host ports", (batch) => {
      for (const element of elements) batch.addElement(element);
    });
  }

  /** False, and nothing removed, when one is not there any more: somebody flushed the map. */
  removeElements(elements: readonly MapElement[]): boolean {
    try {
      this.#run("remove host ports", (batch) => {
        for (const element of elements) batch.deleteElement(element);
      });
      return true;
    } catch (error) {
      if (error instanceof NetlinkError && error.errno === Errno.ENOENT) return false;
      throw error;
    }
  }

  /** Nothing changed in any table since the last look, or something did and ours is still there. */
  isIntact(): boolean {
    const socket = this.#open();
    const generation = nftGeneration(socket);
    if (generation === this.#seenGeneration) return true;
    try {
      requireTable(socket, this.#bridge);
    } catch (error) {
      if (error instanceof NetlinkError && error.errno === Errno.ENOENT) return false;
      throw error;
    }
    this.#seenGeneration = generation;
    return true;
  }

  /** An absent table is success. */
  remove(): void {
    try {
      this.#run("remove the rules", (batch) => batch.deleteTable());
    } catch (error) {
      const absent = error instanceof NetlinkError && error.errno === Errno.ENOENT;
      // A kernel without nftables has no table either.
      if (!absent && !CribError.is(error, "failed-precondition")) throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#socket?.[Symbol.dispose]();
  }

  #run(what: string, operations: Parameters<typeof runNftBatch>[3]): void {
    try {
      runNftBatch(this.#open(), this.#bridge, `nftables table ${this.#bridge}: ${what}`, operations);
    } catch (error) {
      throw explained(error);
    } finally {
      this.#seenGeneration = undefined;
    }
  }

  #open(): NetlinkSocket {
    try {
      this.#socket ??= NetlinkSocket.open(this.#kernel, "netfilter");
      return this.#socket;
    } catch (error) {
      throw explained(error);
    }
  }
}

/** A kernel without the needed parts says so in several errnos; others are kept as they are. */
function explained(error: unknown): unknown {
  const lacking: readonly number[] = [Errno.EPROTONOSUPPORT, Errno.EOPNOTSUPP, Errno.EAFNOSUPPORT];
  return error instanceof ErrnoError && lacking.includes(error.errno) ? lackingNftables(error) : error;
}

function lackingNftables(error: ErrnoError): CribError {
  return failedPrecondition(
    `this kernel lacks a part of nftables (${error.message}); load ${modules}, or configure a CNI network`,
    error,
  );
}
