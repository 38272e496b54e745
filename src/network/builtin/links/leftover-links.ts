import type { Clock } from "../../../observe/clock.ts";
import type { Log } from "../../../observe/log.ts";
import { deleteLink, deleteLinkDatagram, disconnectLink, findLink } from "../../netlink/links.ts";
import { type NetlinkKernel, NetlinkSocket } from "../../netlink/netlink-socket.ts";

const graceMs = 1000;

/**
 * Links of pods that are gone, taken off the bridge at once and deleted without anybody waiting.
 *
 * A veth pair normally ends with the pod's namespace, which the kernel takes down in the background. Deleting it by
 * request costs 20 ms inside the call (several RCU grace periods), so that is done only for links still there a second
 * later, because something holds the namespace, and on a thread of its own.
 */
export class LeftoverLinks implements AsyncDisposable {
  readonly #kernel: NetlinkKernel;
  readonly #route: () => NetlinkSocket;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #pending = new Set<string>();
  readonly #closed = new AbortController();
  #sweepDue = false;

  constructor(options: {
    readonly kernel: NetlinkKernel;
    readonly route: () => NetlinkSocket;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#kernel = options.kernel;
    this.#route = options.route;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** An absent link is success. */
  async add(name: string): Promise<void> {
    await disconnectLink(this.#route(), name);
    this.#pending.add(name);
    if (this.#sweepDue) return;
    this.#sweepDue = true;
    this.#sweepLater().catch((error: unknown) => this.#log.warn({ error }, "links of removed pods could not be swept"));
  }

  /** Waits for the kernel; for a name that is needed again. */
  async deleteNow(name: string): Promise<void> {
    this.#pending.delete(name);
    await deleteLink(this.#route(), name);
  }

  /** What is still there is deleted now. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#sweep();
  }

  async #sweepLater(): Promise<void> {
    const passed = await this.#clock.sleep(graceMs, this.#closed.signal);
    this.#sweepDue = false;
    if (passed) await this.#sweep();
  }

  async #sweep(): Promise<void> {
    const names = [...this.#pending];
    this.#pending.clear();
    for (const name of names) {
      if ((await findLink(this.#route(), name)) === undefined) continue;
      using socket = NetlinkSocket.open(this.#kernel, "route");
      socket.sendAside(deleteLinkDatagram(name));
    }
  }
}
