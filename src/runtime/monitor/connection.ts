import type { Socket } from "bun";
import { CribError, unavailable } from "../../errors/crib-error.ts";
import { encodeFrame, type Frame, FrameKind, FrameSplitter } from "./frames.ts";
import { MonitorError, readFailure } from "./launch-failure.ts";
import { WireReader } from "./wire-reader.ts";

interface Waiter {
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Requests and events over one socket to a monitor. Answers come in any order and find their request by number.
 *
 * `onEvent` runs synchronously, in the order in which the monitor spoke: an answer's promise may be continued after
 * an event that followed it. When the socket ends, every open request is rejected with `unavailable`.
 */
export class MonitorConnection {
  /** Resolves when the socket has ended, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #name: string;
  readonly #onEvent: (frame: Frame) => void;
  readonly #splitter = new FrameSplitter();
  readonly #waiters = new Map<number, Waiter>();
  readonly #resolveClosed: () => void;
  #socket: Socket | undefined;
  #unsent: Uint8Array[] = [];
  #nextRequest = 1;
  #open = true;

  private constructor(name: string, onEvent: (frame: Frame) => void) {
    this.#name = name;
    this.#onEvent = onEvent;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  /**
   * `name` says in messages whose monitor it is.
   *
   * @throws {CribError} unavailable when nobody listens at `path`.
   */
  static async open(path: string, name: string, onEvent: (frame: Frame) => void): Promise<MonitorConnection> {
    const connection = new MonitorConnection(name, onEvent);
    try {
      connection.#socket = await Bun.connect({
        unix: path,
        socket: {
          data: (_socket, chunk) => connection.#receive(chunk),
          drain: () => connection.#flush(),
          close: () => connection.#end(unavailable(`${name} is gone`)),
          error: (_socket, error) => connection.#end(unavailable(`${name} is gone: ${error.message}`, error)),
        },
      });
    } catch (error) {
      throw unavailable(`${name} does not answer at ${JSON.stringify(path)}`, error);
    }
    return connection;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** @throws {MonitorError} what the monitor said was wrong; {CribError} unavailable when it is gone. */
  request(kind: number, payload: Uint8Array): Promise<Uint8Array> {
    if (!this.#open) return Promise.reject(unavailable(`${this.#name} is gone`));
    const number = this.#nextRequest;
    this.#nextRequest = number === 0xffff_ffff ? 1 : number + 1;
    const frame = encodeFrame(kind, number, payload);
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.#waiters.set(number, { resolve, reject });
    this.#unsent.push(frame);
    this.#flush();
    return promise;
  }

  close(): void {
    this.#socket?.end();
    this.#end(unavailable(`connection to ${this.#name} was closed`));
  }

  #flush(): void {
    while (this.#open && this.#socket !== undefined) {
      const first = this.#unsent[0];
      if (first === undefined) return;
      const written = this.#socket.write(first);
      // Negative: the socket is closing and says so by itself.
      if (written < first.length) {
        if (written > 0) this.#unsent[0] = first.subarray(written);
        return;
      }
      this.#unsent.shift();
    }
  }

  #receive(chunk: Uint8Array): void {
    try {
      for (const frame of this.#splitter.push(chunk)) this.#take(frame);
    } catch (error) {
      // Out of step with the stream there is no way back: whoever needs the monitor connects again.
      this.#socket?.terminate();
      this.#end(error instanceof CribError ? error : unavailable(`${this.#name} sent what cannot be read`, error));
    }
  }

  #take(frame: Frame): void {
    if (frame.request === 0) {
      this.#onEvent(frame);
      return;
    }
    const waiter = this.#waiters.get(frame.request);
    if (waiter === undefined) return;
    this.#waiters.delete(frame.request);
    if (frame.kind === FrameKind.ok) waiter.resolve(frame.payload);
    else waiter.reject(new MonitorError(readFailure(new WireReader(frame.payload))));
  }

  #end(reason: CribError): void {
    if (!this.#open) return;
    this.#open = false;
    this.#unsent = [];
    for (const waiter of this.#waiters.values()) waiter.reject(reason);
    this.#waiters.clear();
    this.#resolveClosed();
  }
}
