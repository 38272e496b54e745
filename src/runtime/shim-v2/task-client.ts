import { connect, type Socket } from "node:net";
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { unavailable } from "../../errors/crib-error.ts";
import { Task } from "../../gen/containerd/task/v3/shim_pb.ts";
import type { Clock } from "../../observe/clock.ts";
import { TtrpcClient } from "../../ttrpc/ttrpc-client.ts";
import type { ShimAddress } from "./bootstrap.ts";
import { socketDuplex } from "./socket-duplex.ts";
import { requestMetadata, serviceName } from "./task-request.ts";

/** What only asks or tells. */
export const callMs = 3_000;

/** One connection to a shim's Task service. */
export class TaskClient implements Disposable {
  readonly #socket: Socket;
  readonly #client: TtrpcClient;
  readonly #service: string;

  private constructor(socket: Socket, clock: Clock, version: ShimAddress["version"]) {
    this.#socket = socket;
    this.#service = serviceName(version);
    this.#client = new TtrpcClient(socketDuplex(socket), clock, "the shim", () => undefined);
  }

  /** @throws {CribError} unavailable when nobody listens, or takes the connection within `callMs`. */
  static async connect({ socket: address, version }: ShimAddress, clock: Clock): Promise<TaskClient> {
    const path = address.startsWith("@") ? `\0${address.slice(1)}` : address;
    const socket = connect({ path });
    const answered = new AbortController();
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
        void clock.sleep(callMs, answered.signal).then((passed) => {
          if (passed) reject(new Error(`no connection within ${callMs} ms`));
        });
      });
    } catch (error) {
      socket.destroy();
      throw unavailable(`nobody serves on the shim's socket ${JSON.stringify(address)}`, error);
    } finally {
      answered.abort();
    }
    return new TaskClient(socket, clock, version);
  }

  /** @throws {CribError} what the shim answers; deadline-exceeded, unavailable when it does not. */
  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
    timeoutMs: number = callMs,
  ): Promise<MessageShape<O>> {
    return await this.#client.call(method, input, timeoutMs, { service: this.#service, metadata: requestMetadata });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

export const task = Task.method;
