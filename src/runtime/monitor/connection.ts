import type { Socket } from "bun";
import { CribError, unavailable } from "../../errors/crib-error.ts";
import { encodeFrame, type Frame, FrameSplitter } from "./frames.ts";
import { OpenRequests } from "./open-requests.ts";
import { UnsentBytes } from "./unsent-bytes.ts";

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
  readonly #requests = new OpenRequests();
  readonly #unsent = new UnsentBytes();
  readonly #resolveClosed: () => void;
  #socket: Socket | undefined;
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
          drain: () => connection.#unsent.flushTo(connection.#socket),
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
    const number = this.#requests.nextNumber();
    this.#unsent.push(encodeFrame(kind, number, payload));
    const answer = this.#requests.answerTo(number);
    this.#unsent.flushTo(this.#socket);
    return answer;
  }

  close(): void {
    this.#socket?.end();
    this.#end(unavailable(`connection to ${this.#name} was closed`));
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
    if (frame.request === 0) this.#onEvent(frame);
    else this.#requests.settle(frame);
  }

  #end(reason: CribError): void {
    if (!this.#open) return;
    this.#open = false;
    this.#unsent.clear();
    this.#requests.rejectAll(reason);
    this.#resolveClosed();
  }
}
