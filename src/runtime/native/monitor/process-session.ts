import { unavailable } from "../../../errors/crib-error.ts";
import { deadlines } from "../../deadlines.ts";
import type { ContainerAttach } from "../../port.ts";
import type { ProcessStreams } from "../../streams.ts";
import { FrameKind } from "../wire-numbers.ts";
import { MonitorConnection, type RequestOptions } from "./connection.ts";
import type { Frame } from "./frames.ts";
import { ifThere } from "./launch-failure.ts";
import type { MonitorAddress } from "./monitor-address.ts";
import type { ExecStreamsRequest } from "./port.ts";
import { readExecExit, readExit, readId } from "./replies.ts";
import { attachPayload, execPayload, idPayload, resizePayload, stdinPrefix } from "./requests.ts";
import { sayHello } from "./say-hello.ts";

/** How long one write may be: the monitor keeps a copy of it until the process has read it. */
const stdinChunkBytes = 256 * 1024;

type OutputListener = (stream: "stdout" | "stderr", bytes: Uint8Array) => void;

interface Wanted {
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** The request a session begins with. */
interface Opening {
  readonly kind: number;
  readonly payload: Uint8Array;
  readonly deadlineMs: number;
}

/** @throws {CribError} the failed step of the launch; unavailable. */
export async function openExecSession(
  address: MonitorAddress,
  version: number,
  request: ExecStreamsRequest,
): Promise<ProcessSession> {
  return await ProcessSession.open(address, version, request.id, request, {
    kind: FrameKind.exec,
    payload: execPayload({ timeoutMs: deadlines.startMs, ...request }, version),
    deadlineMs: deadlines.startMs,
  });
}

/** @throws {CribError} failed-precondition when the container does not run; unimplemented by an older monitor. */
export async function openAttachSession(
  address: MonitorAddress,
  version: number,
  request: ContainerAttach,
): Promise<ProcessSession> {
  return await ProcessSession.open(address, version, request.containerId, request, {
    kind: FrameKind.attach,
    payload: attachPayload(request),
    deadlineMs: deadlines.quickMs,
  });
}

/** The daemon's end of a live exec or attachment. Gives its connection back when the process and its output have ended. */
export class ProcessSession implements ProcessStreams {
  readonly exited: Promise<{ readonly exitCode: number; readonly signal: number }>;
  readonly drained: Promise<void>;
  /** Resolves when the connection is given back, whatever the reason. */
  readonly closed: Promise<void>;
  readonly #id: string;
  readonly #wanted: Wanted;
  readonly #exit = Promise.withResolvers<{ readonly exitCode: number; readonly signal: number }>();
  readonly #drain = Promise.withResolvers<void>();
  readonly #close = Promise.withResolvers<void>();
  #connection: MonitorConnection | undefined;
  #listener: OutputListener | undefined;
  #pausedByUser = false;
  #exitSeen = false;
  #drainSeen = false;

  private constructor(id: string, wanted: Wanted) {
    this.#id = id;
    this.#wanted = wanted;
    this.exited = this.#exit.promise;
    this.drained = this.#drain.promise;
    this.closed = this.#close.promise;
    // A caller may look at only one of them: a monitor that dies must not become an unhandled rejection.
    this.exited.catch(() => undefined);
    this.drained.catch(() => undefined);
    if (!wanted.stdout && !wanted.stderr) this.#listener = () => undefined;
  }

  /** `version` of the protocol is what the monitor's client has agreed on with it. */
  static async open(
    address: MonitorAddress,
    version: number,
    id: string,
    wanted: Wanted,
    opening: Opening,
  ): Promise<ProcessSession> {
    const session = new ProcessSession(id, wanted);
    const connection = await MonitorConnection.open(address, {
      output: (_id, stream, bytes) => session.#output(stream, bytes),
      event: (frame) => session.#event(frame),
    });
    session.#connection = connection;
    void connection.closed.then((reason) => {
      session.#exit.reject(reason);
      session.#drain.reject(reason);
      session.#close.resolve();
    });
    // Not waited for here: the monitor reads in order, and a refusal ends the connection.
    const offer = { oldest: version, newest: version };
    sayHello(connection, address.sandboxId, offer, deadlines.quickMs).catch((error: Error) => {
      connection.end(unavailable(`${address.name} refuses a session: ${error.message}`, error));
    });
    try {
      // What follows the answer may be output already, and belongs to a listener that is not there yet.
      await connection.request(opening.kind, opening.payload, { pauseAfter: true, deadlineMs: opening.deadlineMs });
    } catch (error) {
      connection.close();
      throw error;
    }
    session.#flow();
    return session;
  }

  onOutput(listener: OutputListener): void {
    this.#listener = listener;
    this.#flow();
  }

  pause(): void {
    this.#pausedByUser = true;
    this.#connection?.pause();
  }

  resume(): void {
    this.#pausedByUser = false;
    this.#flow();
  }

  async writeStdin(bytes: Uint8Array, headroomBytes = 0): Promise<void> {
    for (let at = 0; at < bytes.length; at += stdinChunkBytes) {
      const tail = bytes.subarray(at, at + stdinChunkBytes);
      // What was before a later chunk is written by then.
      const tailHeadroomBytes = headroomBytes + at;
      await this.#request(FrameKind.stdin, stdinPrefix(this.#id, tail.length), { tail, tailHeadroomBytes });
    }
  }

  async closeStdin(): Promise<void> {
    await this.#askIfThere(FrameKind.closeStdin, idPayload(this.#id));
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#askIfThere(FrameKind.resize, resizePayload(this.#id, columns, rows));
  }

  [Symbol.dispose](): void {
    this.#connection?.close();
  }

  #flow(): void {
    if (this.#pausedByUser || this.#listener === undefined) return;
    this.#connection?.resume();
  }

  #output(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    if (this.#wanted[stream]) this.#listener?.(stream, bytes);
  }

  #event(frame: Frame): void {
    switch (frame.kind) {
      case FrameKind.exit: {
        const { id, exitCode, signal } = readExit(frame.payload);
        if (id === this.#id) this.#ended(exitCode, signal);
        return;
      }
      case FrameKind.execExit: {
        const { exitCode, signal } = readExecExit(frame.payload);
        this.#ended(exitCode, signal);
        return;
      }
      case FrameKind.execDrained:
        readId(frame.payload);
        this.#drainSeen = true;
        this.#drain.resolve();
        this.#closeIfOver();
        return;
      default:
        throw unavailable(`monitor sent an event of unknown kind ${frame.kind}`);
    }
  }

  #ended(exitCode: number, signal: number): void {
    this.#exitSeen = true;
    this.#exit.resolve({ exitCode, signal });
    this.#closeIfOver();
  }

  #closeIfOver(): void {
    if (this.#exitSeen && this.#drainSeen) this.#connection?.close();
  }

  #request(kind: number, payload: Uint8Array, options?: RequestOptions): Promise<Uint8Array> {
    if (this.#connection === undefined) return Promise.reject(unavailable("session is not open"));
    return this.#connection.request(kind, payload, options);
  }

  /** What is gone needs no size and no end of input. */
  async #askIfThere(kind: number, payload: Uint8Array): Promise<void> {
    if (this.#exitSeen || this.#connection?.isOpen !== true) return;
    await ifThere(this.#request(kind, payload, { deadlineMs: deadlines.quickMs }));
  }
}
