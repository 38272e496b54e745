import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import { TaskOOMSchema } from "../../gen/containerd/events/v1/task_pb.ts";
import { type Envelope, Events } from "../../gen/containerd/services/events/ttrpc/v1/events_pb.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import type { Log } from "../../observe/log.ts";
import { handler, TtrpcServer } from "../../ttrpc/ttrpc-server.ts";
import { socketDuplex } from "./socket-duplex.ts";

/** sun_path holds 108 bytes with its NUL (unix(7)). */
const longestSocketPath = 107;
/** One a shim; more is a mistake. */
const maxConnections = 4096;
/** Containers whose end nobody has asked about yet. */
const maxRemembered = 4096;
const oomTopic = "/tasks/oom";

/**
 * Where shims send their events, in containerd's place. Of what they tell, exits are known already; that memory was short is told
 * by nobody else where the container's processes are in no control group that the host sees.
 */
export class ShimEvents implements Disposable {
  /** For the shims' environment. */
  readonly address: string;
  readonly #log: Log;
  readonly #outOfMemory = new Set<string>();
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#accept(socket));

  constructor(state: HostPath, log: Log) {
    this.address = joinHostPath(state, "shim-events.sock");
    this.#log = log;
  }

  /** Without a place to listen shims run all the same. */
  async listen(): Promise<void> {
    if (this.#server.listening) return;
    if (Buffer.byteLength(this.address) > longestSocketPath) {
      this.#log.warn({ path: this.address }, "events of shims are not taken: the path of their socket is too long");
      return;
    }
    // The lock of the state directory is ours: nobody serves there any more.
    rmSync(this.address, { force: true });
    await new Promise<void>((resolve) => {
      this.#server.on("error", (error) => {
        this.#log.warn({ path: this.address, error: String(error) }, "events of shims are not taken");
        resolve();
      });
      this.#server.listen({ path: this.address }, resolve);
    });
  }

  /** Whether the container was short of memory, by its shim's word; asked once. */
  takeOutOfMemory(id: string): boolean {
    return this.#outOfMemory.delete(id);
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    if (this.#sockets.size >= maxConnections) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    new TtrpcServer(socketDuplex(socket), [
      handler(Events.method.forward, async ({ envelope }) => {
        if (envelope !== undefined) this.#take(envelope);
        return {};
      }),
    ]);
  }

  #take({ topic, event }: Envelope): void {
    if (topic !== oomTopic || event === undefined) return;
    const { containerId } = fromBinary(TaskOOMSchema, event.value);
    this.#log.info({ container: containerId }, "its shim says that it was short of memory");
    this.#outOfMemory.add(containerId);
    const [oldest] = this.#outOfMemory;
    if (this.#outOfMemory.size > maxRemembered && oldest !== undefined) this.#outOfMemory.delete(oldest);
  }
}
