import type { Socket } from "bun";
import { CribError, unavailable } from "../../../errors/crib-error.ts";
import type { Clock } from "../../../observe/clock.ts";
import { FrameCutter } from "./frame-cutter.ts";
import { frameName } from "./frame-name.ts";
import { encodeFrame, type Frame } from "./frames.ts";
import { OpenRequests } from "./open-requests.ts";
import { UnsentBytes } from "./unsent-bytes.ts";

/** A daemon that stood still sees its timers first, and only then the answers that came meanwhile: it looks again. */
const secondLookMs = 50;
/** Bytes below which a request is put together in one piece: a copy is cheaper than a further system call. */
const joinBelowBytes = 16 * 1024;

/** Calls `connect` with a path that is good for the time of the call. */
export type MonitorDial = <Result>(connect: (path: string) => Promise<Result>) => Promise<Result>;

/** How to reach a monitor; `name` says in messages whose it is. */
export interface MonitorDoor {
  readonly dial: MonitorDial;
  readonly name: string;
  readonly clock: Pick<Clock, "sleep">;
}

/**
 * Who a connection is for. Both are called synchronously, in the order in which the monitor spoke: an answer's promise may be
 * continued after an event that followed it.
 */
export interface ConnectionUser {
  /** A piece of a command's output. The bytes are the socket's: they are used at once, or copied. */
  output(id: string, stream: "stdout" | "stderr", bytes: Uint8Array): void;
  event(frame: Frame): void;
}

export interface RequestOptions {
  /**
   * An answer that is not there by then ends the connection: a monitor that is late with one is late with all. Undefined: it
   * comes when what was asked for has been done, however long that takes.
   */
  readonly deadlineMs?: number;
  /** The end of the payload. Not copied: it must stay as it is until the answer. */
  readonly tail?: Uint8Array;
  /** How much of the memory before the tail may be written to: where it is enough, all goes out at once. */
  readonly tailHeadroomBytes?: number;
  /** Pauses right behind the answer, should it be a good one. */
  readonly pauseAfter?: boolean;
}

/** When to stop waiting for an answer without doubting the monitor: what was asked for is what takes long. */
export interface GiveUp {
  /** Its reason is what the request is rejected with. */
  readonly signal: AbortSignal;
  /** The answer came after all, and was a good one. */
  readonly onLate: () => void;
}

/**
 * Requests, events and output over one socket to a monitor. Answers come in any order and find their request by number. When
 * the connection ends, every open request is rejected with the reason. While it is paused, what is not read stays in the
 * socket, so that back-pressure reaches the process.
 */
export class MonitorConnection {
  /** Resolves with the reason when either side has ended the connection. */
  readonly closed: Promise<CribError>;
  readonly #name: string;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #cutter: FrameCutter;
  readonly #requests = new OpenRequests();
  readonly #unsent = new UnsentBytes();
  readonly #resolveClosed: (reason: CribError) => void;
  #socket: Socket | undefined;
  /** Received, but not wanted yet. */
  #held: Uint8Array[] = [];
  #paused = false;
  #delivering = false;
  /** The monitor has ended its side; what it sent before may still be held here. */
  #peerEnded: CribError | undefined;
  #ended: CribError | undefined;

  private constructor({ name, clock }: MonitorDoor, user: ConnectionUser) {
    this.#name = name;
    this.#clock = clock;
    this.#cutter = new FrameCutter({
      output: (id, stream, bytes) => user.output(id, stream, bytes),
      frame: (frame) => {
        if (frame.request === 0) user.event(frame);
        else this.#requests.settle(frame);
      },
    });
    const { promise, resolve } = Promise.withResolvers<CribError>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  /** @throws {CribError} unavailable when nobody listens, or nobody has room for one more. */
  static async open(door: MonitorDoor, user: ConnectionUser): Promise<MonitorConnection> {
    const { name } = door;
    const connection = new MonitorConnection(door, user);
    try {
      connection.#socket = await door.dial((path) =>
        Bun.connect({
          unix: path,
          socket: {
            data: (_socket, chunk) => connection.#receive(chunk),
            drain: () => connection.#unsent.flushTo(connection.#socket),
            close: () => connection.#endAfterHeld(unavailable(`${name} is gone`)),
            error: (_socket, error) =>
              connection.#endAfterHeld(unavailable(`${name} is gone: ${error.message}`, error)),
          },
        }),
      );
    } catch (error) {
      throw unavailable(`${name} does not answer: ${error instanceof Error ? error.message : String(error)}`, error);
    }
    return connection;
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  /** @throws {MonitorError} what the monitor said was wrong; {CribError} unavailable when it is gone or does not answer. */
  async request(kind: number, payload: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    const { deadlineMs } = options;
    const { answer } = this.#send(kind, payload, options);
    if (deadlineMs === undefined) return await answer;
    const answered = new AbortController();
    void this.#passed(deadlineMs, answered.signal).then((passed) => {
      // A pause holds the answer up here: its monitor is not to blame.
      if (passed && !this.#paused) this.end(this.#noReply(kind, deadlineMs));
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
    const { number, answer } = this.#send(kind, payload, {});
    const giveUp = () => this.#requests.giveUp(number, signal.reason as Error, onLate);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await answer;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // A resume inside of a delivery is seen by the loop that delivers.
    if (!this.#delivering) this.#deliver();
  }

  close(): void {
    this.end(unavailable(`connection to ${this.#name} was closed`));
  }

  /** The first reason is the one that is told. */
  end(reason: CribError): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#unsent.clear();
    this.#held = [];
    this.#socket?.terminate();
    this.#requests.rejectAll(reason);
    this.#resolveClosed(reason);
  }

  #send(
    kind: number,
    payload: Uint8Array,
    { tail, tailHeadroomBytes = 0, pauseAfter = false }: RequestOptions,
  ): { readonly number: number; readonly answer: Promise<Uint8Array> } {
    const number = this.#requests.nextNumber();
    if (this.#ended !== undefined) {
      return { number, answer: Promise.reject(unavailable(`${this.#name} is gone`, this.#ended)) };
    }
    const frame = encodeFrame(kind, number, payload, tail?.length);
    if (tail === undefined) this.#unsent.push(frame);
    else if (frame.length <= tailHeadroomBytes) this.#unsent.push(putBefore(frame, tail));
    else if (tail.length < joinBelowBytes) this.#unsent.push(Buffer.concat([frame, tail]));
    else this.#unsent.push(frame, tail);
    const answer = this.#requests.answerTo(number, pauseAfter ? () => this.pause() : undefined);
    this.#unsent.flushTo(this.#socket);
    return { number, answer };
  }

  async #passed(deadlineMs: number, answered: AbortSignal): Promise<boolean> {
    return (await this.#clock.sleep(deadlineMs, answered)) && (await this.#clock.sleep(secondLookMs, answered));
  }

  #noReply(kind: number, deadlineMs: number): CribError {
    return unavailable(`${this.#name} does not answer: no reply to ${frameName(kind)} within ${deadlineMs / 1000} s`);
  }

  #receive(chunk: Uint8Array): void {
    this.#held.push(chunk);
    if (!this.#delivering) this.#deliver();
  }

  #deliver(): void {
    this.#delivering = true;
    try {
      const isWanted = () => this.isOpen && !this.#paused;
      for (let first = this.#held[0]; first !== undefined && isWanted(); first = this.#held[0]) {
        const taken = this.#cutter.push(first, isWanted);
        if (taken < first.length) this.#held[0] = first.subarray(taken);
        else this.#held.shift();
      }
    } catch (error) {
      // The stream is out of step and cannot be repaired: the next request connects again.
      this.end(
        error instanceof CribError
          ? error
          : unavailable(`${this.#name} sent what cannot be read: ${String(error)}`, error),
      );
    } finally {
      this.#delivering = false;
    }
    if (!this.isOpen || this.#paused) return;
    if (this.#peerEnded !== undefined) this.end(this.#peerEnded);
    else this.#socket?.resume();
  }

  #endAfterHeld(reason: CribError): void {
    this.#peerEnded ??= reason;
    if (this.#held.length === 0) this.end(reason);
  }
}

function putBefore(head: Uint8Array, bytes: Uint8Array): Uint8Array {
  const joined = new Uint8Array(bytes.buffer, bytes.byteOffset - head.length, head.length + bytes.length);
  joined.set(head);
  return joined;
}
