import { CribError, failedPrecondition } from "../../../errors/crib-error.ts";
import { Errno } from "../../../errors/errno.ts";
import { ErrnoError } from "../../../errors/errno-error.ts";
import type { Log } from "../../../observe/log.ts";
import { NetlinkError } from "../../netlink/netlink-error.ts";
import { type NetlinkKernel, NetlinkSocket } from "../../netlink/netlink-socket.ts";
import {
  type NftBatch,
  type NftOperations,
  type NftTable,
  nftGeneration,
  requireTable,
  runNftBatch,
  type SetElement,
} from "../../nftables/batch.ts";
import type { Subnet } from "../addresses/subnet.ts";
import { writePortGuard } from "./port-guard.ts";
import { writeRuleset } from "./ruleset.ts";

const modules = "nf_tables, nft_nat, nft_masq and nft_fib_inet";

/** What belongs to one pod, or to all of them: elements of the two tables' sets. */
export interface PodElements {
  readonly hostPorts: readonly SetElement[];
  /** What lets the pod speak; elements of the guard's table. */
  readonly guard: readonly SetElement[];
}

/**
 * The built-in network's two nftables tables, named as its bridge: `inet` for host ports and masquerading, `bridge` for
 * what each pod may send. They are written whole once, then only elements come and go.
 *
 * A kernel without rules for bridges gets the first table alone, and the operator is told.
 */
export class PodFirewall implements Disposable {
  readonly #kernel: NetlinkKernel;
  readonly #bridge: string;
  readonly #log: Log;
  readonly #inet: NftTable;
  readonly #guard: NftTable;
  readonly #guardWanted: boolean;
  #socket: NetlinkSocket | undefined;
  /** Whether the guard's table was written; undefined: nothing was yet. */
  #guarding: boolean | undefined;
  #toldLacking = false;
  /** The ruleset's generation the tables were last seen in; undefined: look again. */
  #seenGeneration: number | undefined;

  constructor(options: {
    readonly kernel: NetlinkKernel;
    readonly bridge: string;
    readonly antiSpoofing: boolean;
    readonly log: Log;
  }) {
    this.#kernel = options.kernel;
    this.#bridge = options.bridge;
    this.#log = options.log;
    this.#guardWanted = options.antiSpoofing;
    this.#inet = { family: "inet", name: options.bridge };
    this.#guard = { family: "bridge", name: options.bridge };
  }

  /** Replaces both tables in one transaction. @throws {CribError} failed-precondition when the kernel lacks a part of nftables. */
  async write(subnets: readonly Subnet[], elements: PodElements): Promise<void> {
    const rules: NftOperations = (on) => writeRuleset(on(this.#inet), this.#bridge, subnets, elements.hostPorts);
    try {
      if (this.#guardWanted && (await this.#writeGuarded(rules, elements))) return;
      await this.#run("write the rules", rules);
    } catch (error) {
      // Nothing is looked up here but the kernel's own parts: one of them is missing.
      if (error instanceof NetlinkError && error.errno === Errno.ENOENT) throw lackingNftables(error);
      throw error;
    }
    await this.#removeGuard();
  }

  async addElements(elements: PodElements): Promise<void> {
    await this.#change("add a pod's elements", elements, (batch, element) => batch.addElement(element));
  }

  /** False, and nothing removed, when one is not there any more: another program flushed the set. */
  async removeElements(elements: PodElements): Promise<boolean> {
    try {
      await this.#change("remove a pod's elements", elements, (batch, element) => batch.deleteElement(element));
      return true;
    } catch (error) {
      if (error instanceof NetlinkError && error.errno === Errno.ENOENT) return false;
      throw error;
    }
  }

  /** Nothing changed in any table since the last look, or something did and ours are still there. */
  async isIntact(): Promise<boolean> {
    const socket = this.#open();
    const generation = await nftGeneration(socket);
    if (generation === this.#seenGeneration) return true;
    try {
      await requireTable(socket, this.#inet);
      if (this.#guarding === true) await requireTable(socket, this.#guard);
    } catch (error) {
      if (error instanceof NetlinkError && error.errno === Errno.ENOENT) return false;
      throw error;
    }
    this.#seenGeneration = generation;
    return true;
  }

  /** Absent tables are success. */
  async remove(): Promise<void> {
    try {
      await this.#removeTable(this.#inet);
    } catch (error) {
      // A kernel without nftables has no table either.
      if (!CribError.is(error, "failed-precondition")) throw error;
    }
    await this.#removeGuard();
  }

  [Symbol.dispose](): void {
    this.#socket?.[Symbol.dispose]();
  }

  /** False when the kernel knows no rules for bridges, which is told once. */
  async #writeGuarded(rules: NftOperations, elements: PodElements): Promise<boolean> {
    try {
      await this.#run("write the rules", (on) => {
        rules(on);
        writePortGuard(on(this.#guard), elements.guard);
      });
      this.#guarding = true;
      return true;
    } catch (error) {
      const lacking = (error instanceof NetlinkError && error.errno === Errno.ENOENT) || isLackingNftables(error);
      if (!lacking) throw error;
      this.#guarding = false;
      if (!this.#toldLacking) {
        this.#log.warn(
          { err: error, bridge: this.#bridge },
          "this kernel has no nftables rules for bridges: pods can use each other's addresses; use one with CONFIG_NF_TABLES_BRIDGE, or set network.anti_spoofing to false",
        );
      }
      this.#toldLacking = true;
      return false;
    }
  }

  /** What an earlier daemon wrote would go on dropping what new pods send. */
  async #removeGuard(): Promise<void> {
    this.#guarding = false;
    try {
      await this.#removeTable(this.#guard);
    } catch (error) {
      if (!isLackingNftables(error)) throw error;
    }
  }

  async #removeTable(table: NftTable): Promise<void> {
    try {
      await this.#run(`remove the ${table.family} rules`, (on) => on(table).deleteTable());
      this.#seenGeneration = undefined;
    } catch (error) {
      if (!(error instanceof NetlinkError && error.errno === Errno.ENOENT)) throw error;
    }
  }

  /** One transaction for both tables; none where there is nothing to do. */
  async #change(
    what: string,
    elements: PodElements,
    one: (batch: NftBatch, element: SetElement) => void,
  ): Promise<void> {
    const guard = this.#guarding === true ? elements.guard : [];
    if (elements.hostPorts.length === 0 && guard.length === 0) return;
    await this.#run(what, (on) => {
      const [ports, links] = [on(this.#inet), on(this.#guard)];
      for (const element of elements.hostPorts) one(ports, element);
      for (const element of guard) one(links, element);
    });
  }

  async #run(what: string, operations: NftOperations): Promise<void> {
    const seen = this.#seenGeneration;
    this.#seenGeneration = undefined;
    try {
      await runNftBatch(this.#open(), `nftables tables ${this.#bridge}: ${what}`, operations);
      // A transaction is one step: if the number is the next one, no other program changed anything.
      if (seen !== undefined) this.#seenGeneration = seen + 1;
    } catch (error) {
      throw explained(error);
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

function isLackingNftables(error: unknown): boolean {
  return CribError.is(error, "failed-precondition");
}

function lackingNftables(error: ErrnoError): CribError {
  return failedPrecondition(
    `this kernel lacks a part of nftables (${error.message}); load ${modules}, or configure a CNI network`,
    error,
  );
}
