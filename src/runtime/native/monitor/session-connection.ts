import type { Socket } from "bun";
import { type CribError, unavailable } from "../../../errors/crib-error.ts";
import type { Clock } from "../../../observe/clock.ts";
import { deadlines } from "../../deadlines.ts";
import { FrameKind } from "../wire-numbers.ts";
import { frameName } from "./frame-name.ts";
import { encodeFrame, type Frame } from "./frames.ts";
import { OpenRequests } from "./open-requests.ts";
import { readGreeting } from "./replies.ts";
import { helloPayload } from "./requests.ts";
import { SessionFrames } from "./session-frames.ts";
import { UnsentBytes } from "./unsent-bytes.ts";

/** Calls `connect` with a path that is good for the time of the call. */
export type MonitorDial = <Result>(connect: (path: string) => Promise<Result>) => Promise<Result>;

/** How a session reaches its monitor; `name` says in messages whose it is. */
export interface SessionAddress {
  readonly dial: MonitorDial;
  readonly name: string;
  readonly clock: Pick<Clock, "sleep">;
  /** Of the protocol, as its client has agreed on it with the monitor. */
  readonly version: number;
}

export interface SessionEvents {
  output(stream: "stdout" | "stderr", bytes: Uint8Array): void;
  event(frame: Frame): void;
  /** Once, when either side has ended the connection. */
  closed(reason: CribError): void;
}

export interface RequestOptions {
  /** The end of the payload. Not copied: it must stay as it is until the answer. */
  readonly tail?: Uint8Array;
  /** How much of the memory before the tail may be written to: where it is enough, all goes out at once. */
  readonly tailHeadroomBytes?: number;
  /** Pauses right behind the answer, should it be a good one. */
  readonly pauseAfter?: boolean;
  /** An answer that is not there by then ends the session. Undefined: it comes when the process has read its input. */
  readonly deadlineMs?: number;
}

/** Bytes below which a request is put together in one piece: a copy is cheaper than a further system call. */
const joinBelowBytes = 16 * 1024;

/**
 * One session's own connection to a monitor. What is not read stays in the socket, so that back-pressure reaches the
 * process; a connection that ends tells the monitor that its client is gone.
 */
export class SessionConnection {
  readonly #name: string;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #events: SessionEvents;
  readonly #frames: SessionFrames;
  readonly #requests = new OpenRequests();
  readonly #unsent = new UnsentBytes();
  #socket: Socket | undefined;
  /** Received, but not wanted yet. */
  #held: Uint8Array[] = [];
  #open = true;
  #paused = false;
  #delivering = false;
  /** The monitor has ended its side while output was still held here. */
  #endedWith: CribError | undefined;

  private constructor({ name, clock }: SessionAddress, events: SessionEvents) {
    this.#name = name;
    this.#clock = clock;
    this.#events = events;
    this.#frames = new SessionFrames({
      output: (stream, bytes) => events.output(stream, bytes),
      frame: (frame) => this.#take(frame),
    });
  }

  /** @throws {CribError} unavailable when nobody answers; unimplemented when it is of another version. */
  static async open(address: SessionAddress, events: SessionEvents): Promise<SessionConnection> {
    const { dial, name, version } = address;
    const connection = new SessionConnection(address, events);
    try {
      connection.#socket = await dial((path) =>
        Bun.connect({
          unix: path,
          socket: {
            data: (_socket, chunk) => connection.#receive(chunk),
            drain: () => connection.#unsent.flushTo(connection.#socket),
            close: () => connection.#ended(unavailable(`connection to ${name} has ended`)),
            error: (_socket, error) => connection.#ended(unavailable(`${name} is gone: ${error.message}`, error)),
          },
        }),
      );
    } catch (error) {
      throw unavailable(`${name} takes no connection`, error);
    }
    // Not waited for here: the monitor reads in order, and a refusal ends the connection.
    connection
      .request(FrameKind.hello, helloPayload({ oldest: version, newest: version }), { deadlineMs: deadlines.quickMs })
      .then(readGreeting)
      .catch((error: Error) => {
        connection.#end(unavailable(`${name} refuses a session: ${error.message}`, error));
      });
    return connection;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** @throws {MonitorError} what the monitor said was wrong; {CribError} unavailable when it is gone. */
  request(
    kind: number,
    payload: Uint8Array,
    { tail, tailHeadroomBytes = 0, pauseAfter = false, deadlineMs }: RequestOptions = {},
  ): Promise<Uint8Array> {
    if (!this.#open) return Promise.reject(unavailable(`connection to ${this.#name} has ended`));
    const number = this.#requests.nextNumber();
    const frame = encodeFrame(kind, number, payload, tail?.length);
    if (tail === undefined) this.#unsent.push(frame);
    else if (frame.length <= tailHeadroomBytes) this.#unsent.push(putBefore(frame, tail));
    else if (tail.length < joinBelowBytes) this.#unsent.push(Buffer.concat([frame, tail]));
    else this.#unsent.push(frame, tail);
    const answer = this.#requests.answerTo(number, pauseAfter ? () => this.pause() : undefined);
    this.#unsent.flushTo(this.#socket);
    return deadlineMs === undefined ? answer : this.#inTime(kind, answer, deadlineMs);
  }

  async #inTime(kind: number, answer: Promise<Uint8Array>, deadlineMs: number): Promise<Uint8Array> {
    const answered = new AbortController();
    void this.#clock.sleep(deadlineMs, answered.signal).then((passed) => {
      // The answer may be held up here, by a client that does not read.
      if (!passed || this.#paused) return;
      this.#end(
        unavailable(`${this.#name} does not answer: no reply to ${frameName(kind)} within ${deadlineMs / 1000} s`),
      );
    });
    try {
      return await answer;
    } finally {
      answered.abort();
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
    this.#end(unavailable(`connection to ${this.#name} was closed`));
  }

  #receive(chunk: Uint8Array): void {
    this.#held.push(chunk);
    if (!this.#delivering) this.#deliver();
  }

  #deliver(): void {
    this.#delivering = true;
    try {
      const isWanted = () => this.#open && !this.#paused;
      for (let first = this.#held[0]; first !== undefined && isWanted(); first = this.#held[0]) {
        const taken = this.#frames.push(first, isWanted);
        if (taken < first.length) this.#held[0] = first.subarray(taken);
        else this.#held.shift();
      }
    } catch (error) {
      this.#end(unavailable(`${this.#name} sent what cannot be read: ${String(error)}`, error));
    } finally {
      this.#delivering = false;
    }
    if (!this.#open || this.#paused) return;
    if (this.#endedWith !== undefined) this.#end(this.#endedWith);
    else this.#socket?.resume();
  }

  #take(frame: Frame): void {
    if (frame.request === 0) this.#events.event(frame);
    else this.#requests.settle(frame);
  }

  #ended(reason: CribError): void {
    this.#endedWith ??= reason;
    if (this.#held.length === 0) this.#end(reason);
  }

  #end(reason: CribError): void {
    if (!this.#open) return;
    this.#open = false;
    this.#unsent.clear();
    this.#held = [];
    this.#socket?.terminate();
    this.#requests.rejectAll(reason);
    this.#events.closed(reason);
  }
}

function putBefore(head: Uint8Array, bytes: Uint8Array): Uint8Array {
  const joined = new Uint8Array(bytes.buffer, bytes.byteOffset - head.length, head.length + bytes.length);
  joined.set(head);
  return joined;
}
