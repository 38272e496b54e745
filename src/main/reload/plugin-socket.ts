import type { HostPath } from "../../ids/path.ts";
import type { Kernel } from "../../kernel/port.ts";
import type { PluginService } from "../../nri/plugin-service.ts";
import type { Log } from "../../observe/log.ts";
import { type ClaimedSocket, claimSocket } from "../claim-socket.ts";

/** Where plugins connect, which a reload may change. Those that are connected stay so, unless there are to be none. */
export class PluginSocket implements Disposable {
  readonly #service: Pick<PluginService, "listen" | "stop">;
  readonly #kernel: Kernel;
  readonly #log: Log;
  #claimed: ClaimedSocket | undefined;

  constructor(service: Pick<PluginService, "listen" | "stop">, kernel: Kernel, log: Log) {
    this.#service = service;
    this.#kernel = kernel;
    this.#log = log;
  }

  /** @throws {CribError} when somebody else has the path: then nothing has changed. */
  async moveTo(path: HostPath | undefined): Promise<void> {
    if (path === undefined) {
      this.#service.stop();
      this.#release();
      this.#log.info({}, "plugins may not connect any more");
      return;
    }
    const claimed = await claimSocket(this.#kernel, path);
    try {
      await this.#service.listen(claimed);
    } catch (error) {
      claimed[Symbol.dispose]();
      throw error;
    }
    this.#release();
    this.#claimed = claimed;
    this.#log.info({ socket: path }, "plugins may connect");
  }

  [Symbol.dispose](): void {
    this.#release();
  }

  #release(): void {
    this.#claimed?.[Symbol.dispose]();
    this.#claimed = undefined;
  }
}
