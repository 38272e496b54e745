import type { Socket } from "bun";
import { CribError, unavailable } from "../../../errors/crib-error.ts";
import type { Clock } from "../../../observe/clock.ts";
import { frameName } from "./frame-name.ts";
import { encodeFrame, type Frame, FrameSplitter } from "./frames.ts";
import { OpenRequests } from "./open-requests.ts";
import { UnsentBytes } from "./unsent-bytes.ts";

const secondLookMs = 50;

/** When to stop waiting for an answer without doubting the monitor: what was asked for is what takes long. */
export interface GiveUp {
  /** Its reason is what the request is rejected with. */
  readonly signal: AbortSignal;
  /** The answer came after all, and was a good one. */
  readonly onLate: () => void;
}

/**
 * Requests and events over one socket to a monitor. Answers come in any order and find their request by number.
 *
 * `onEvent` runs synchronously, in the order in which the monitor spoke: an answer's promise may be continued after
 * an event that followed it. When the socket ends, every open request is rejected with `unavailable`. A request that is not
 * answered in time ends the connection: a monitor that is late with one is late with all.
 */
export class MonitorConnection {
  /** Resolves with the reason when the socket has ended. */
  readonly closed: Promise<CribError>;
  readonly #name: string;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #onEvent: (frame: Frame) => void;
  readonly #splitter = new FrameSplitter();
  readonly #requests = new OpenRequests();
  readonly #unsent = new UnsentBytes();
  readonly #resolveClosed: (reason: CribError) => void;
  #socket: Socket | undefined;
  #open = true;

  private constructor(name: string, clock: Pick<Clock, "sleep">, onEvent: (frame: Frame) => void) {
    this.#name = name;
    this.#clock = clock;
    this.#onEvent = onEvent;
    const { promise, resolve } = Promise.withResolvers<CribError>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  /**
   * `name` says in messages whose monitor it is.
   *
   * @throws {CribError} unavailable when nobody listens at `path`.
   */
  static async open(
    path: string,
    name: string,
    clock: Pick<Clock, "sleep">,
    onEvent: (frame: Frame) => void,
  ): Promise<MonitorConnection> {
    const connection = new MonitorConnection(name, clock, onEvent);
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

  /**
   * An answer that is not there after `deadlineMs` ends the connection.
   *
   * @throws {MonitorError} what the monitor said was wrong; {CribError} unavailable when it is gone or does not answer.
   */
  async request(kind: number, payload: Uint8Array, deadlineMs: number): Promise<Uint8Array> {
    const answered = new AbortController();
    const { answer } = this.#send(kind, payload);
    void this.#passed(deadlineMs, answered.signal).then((passed) => {
      if (passed) this.#overdue(kind, deadlineMs);
    });
    try {
      return await answer;
    } finally {
      answered.abort();
    }
  }

  /** For what may rightly take long. @throws what `request` throws, and the reason of `giveUp.signal`. */
  async patientRequest(kind: number, payload: Uint8Array, { signal, onLate }: GiveUp): Promise<Uint8Array> {
    signal.throwIfAborted();
    const { number, answer } = this.#send(kind, payload);
    const giveUp = () => this.#requests.giveUp(number, signal.reason as Error, onLate);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await answer;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  close(): void {
    this.#socket?.end();
    this.#end(unavailable(`connection to ${this.#name} was closed`));
  }

  #send(kind: number, payload: Uint8Array): { readonly number: number; readonly answer: Promise<Uint8Array> } {
    const number = this.#requests.nextNumber();
    if (!this.#open) return { number, answer: Promise.reject(unavailable(`${this.#name} is gone`)) };
    this.#unsent.push(encodeFrame(kind, number, payload));
    const answer = this.#requests.answerTo(number);
    this.#unsent.flushTo(this.#socket);
    return { number, answer };
  }

  /** A daemon that stood still sees its timers first, and only then the answers that came meanwhile: it looks again. */
  async #passed(deadlineMs: number, answered: AbortSignal): Promise<boolean> {
    return (await this.#clock.sleep(deadlineMs, answered)) && (await this.#clock.sleep(secondLookMs, answered));
  }

  #overdue(kind: number, deadlineMs: number): void {
    const what = frameName(kind);
    // The reason first: the socket's end would tell another.
    this.#end(unavailable(`${this.#name} does not answer: no reply to ${what} within ${deadlineMs / 1000} s`));
    this.#socket?.terminate();
  }

  #receive(chunk: Uint8Array): void {
    try {
      for (const frame of this.#splitter.push(chunk)) this.#take(frame);
    } catch (error) {
      // The stream is out of step and cannot be repaired: the next request connects again.
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
    this.#resolveClosed(reason);
  }
}
