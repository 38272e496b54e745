import { CribError, internal, unavailable } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import type { ContainerId, ExecId, SandboxId } from "../../ids/object-id.ts";
import type { Pid } from "../../ids/process.ts";
import { MonitorConnection } from "./connection.ts";
import { LiveExecSession } from "./exec-session.ts";
import { type Frame, FrameKind, protocol } from "./frames.ts";
import { MonitorError } from "./launch-failure.ts";
import type {
  AttachRequest,
  ContainerExit,
  ExecRequest,
  ExecSession,
  ExecStreamsRequest,
  Monitor,
  MonitoredContainer,
  SandboxSetup,
  SandboxSetupResult,
  StartRequest,
  StartResult,
} from "./port.ts";
import { openAttachSession, openExecSession, type ProcessSession } from "./process-session.ts";
import {
  readExecExit,
  readExecOutput,
  readExit,
  readGreeting,
  readId,
  readList,
  readSetupResult,
  readStartResult,
} from "./replies.ts";
import {
  execPayload,
  helloPayload,
  idPayload,
  mutePayload,
  resizePayload,
  setupPayload,
  signalPayload,
  startPayload,
  stdinPayload,
  unsharePayload,
} from "./requests.ts";
import type { MonitorDial } from "./session-connection.ts";
import type { ProcessStreams } from "./streams.ts";

const nothing = new Uint8Array(0);

/**
 * How many live execs and attachments a pod may have at once. Below CONNECTIONS_MAX of ffi/monitor/connection.c, so that a
 * daemon that comes back always gets in.
 */
const maxSessions = 448;

/**
 * Connects to the monitor that listens at `path` and makes sure that it is the sandbox's.
 *
 * @throws {CribError} unavailable when nobody answers, data-loss when somebody else does, unimplemented when the monitor
 * speaks another version of the protocol. `dial` is for the connections of its sessions.
 */
export async function connectMonitor(path: string, sandboxId: SandboxId, dial: MonitorDial): Promise<Monitor> {
  // Events that overtake the greeting's promise belong to nobody: who reconnects asks for the list afterwards.
  let client: MonitorClient | undefined;
  const name = `monitor of sandbox ${sandboxId}`;
  const connection = await MonitorConnection.open(path, name, (frame) => client?.takeEvent(frame));
  try {
    const greeting = readGreeting(await connection.request(FrameKind.hello, helloPayload()));
    if (
      greeting.magic !== protocol.magic ||
      greeting.version !== protocol.version ||
      greeting.sandboxId !== sandboxId
    ) {
      throw new CribError(
        "data-loss",
        `${JSON.stringify(path)} is answered by the monitor of sandbox ${JSON.stringify(greeting.sandboxId)}`,
      );
    }
    client = new MonitorClient(sandboxId, greeting.pid, connection, dial);
    return client;
  } catch (error) {
    connection.close();
    throw error;
  }
}

class MonitorClient implements Monitor {
  readonly lost: Promise<void>;
  readonly #connection: MonitorConnection;
  readonly #execs = new Map<string, LiveExecSession>();
  readonly #exitListeners: ((exit: ContainerExit) => void)[] = [];
  readonly #dial: MonitorDial;
  #sessions = 0;
  #leaving = false;

  constructor(
    readonly sandboxId: SandboxId,
    readonly pid: Pid,
    connection: MonitorConnection,
    dial: MonitorDial,
  ) {
    this.#connection = connection;
    this.#dial = dial;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.lost = promise;
    void connection.closed.then(() => {
      const reason = unavailable(`monitor of sandbox ${sandboxId} is gone`);
      for (const session of this.#execs.values()) session.lost(reason);
      this.#execs.clear();
      if (!this.#leaving) resolve();
    });
  }

  async unshare(flags: number): Promise<void> {
    await this.#connection.request(FrameKind.unshare, unsharePayload(flags));
  }

  async setup(setup: SandboxSetup): Promise<SandboxSetupResult> {
    return readSetupResult(await this.#connection.request(FrameKind.setup, setupPayload(setup)));
  }

  async start(request: StartRequest): Promise<StartResult> {
    return readStartResult(await this.#connection.request(FrameKind.start, startPayload(request)));
  }

  async exec(request: ExecRequest): Promise<ExecSession> {
    const session = new LiveExecSession(request.id, {
      writeStdin: async (bytes) => {
        await this.#connection.request(FrameKind.stdin, stdinPayload(request.id, bytes));
      },
      mute: (stream) => this.#mute(request.id, stream),
      abandon: () => this.#abandon(request.id),
    });
    this.#execs.set(request.id, session);
    try {
      const result = readStartResult(await this.#connection.request(FrameKind.exec, execPayload(request)));
      session.started(result.pid);
      return session;
    } catch (error) {
      this.#execs.delete(request.id);
      throw error;
    }
  }

  async openExec(request: ExecStreamsRequest): Promise<ProcessStreams> {
    return await this.#session((name) => openExecSession(this.#dial, name, request));
  }

  async attach(request: AttachRequest): Promise<ProcessStreams> {
    return await this.#session((name) => openAttachSession(this.#dial, name, request));
  }

  async signal(target: ContainerId | ExecId, signal: number): Promise<void> {
    await this.#toNobodyIsFine(FrameKind.signal, signalPayload(target, signal));
  }

  async list(): Promise<readonly MonitoredContainer[]> {
    return readList(await this.#connection.request(FrameKind.list, nothing));
  }

  async reopenLog(id: ContainerId): Promise<void> {
    await this.#connection.request(FrameKind.reopenLog, idPayload(id));
  }

  async resize(target: ContainerId | ExecId, columns: number, rows: number): Promise<void> {
    await this.#connection.request(FrameKind.resize, resizePayload(target, columns, rows));
  }

  async closeStdin(target: ContainerId | ExecId): Promise<void> {
    await this.#toNobodyIsFine(FrameKind.closeStdin, idPayload(target));
  }

  async forget(id: ContainerId): Promise<void> {
    await this.#connection.request(FrameKind.forget, idPayload(id));
  }

  async shutdown(): Promise<void> {
    this.#leaving = true;
    if (!this.#connection.isOpen) return;
    try {
      await this.#connection.request(FrameKind.shutdown, nothing);
    } catch (error) {
      // It may be gone before its answer has left.
      if (!CribError.is(error, "unavailable")) throw error;
    }
    await this.#connection.closed;
  }

  disconnect(): void {
    this.#leaving = true;
    this.#connection.close();
  }

  onExit(listener: (exit: ContainerExit) => void): void {
    this.#exitListeners.push(listener);
  }

  takeEvent(frame: Frame): void {
    switch (frame.kind) {
      case FrameKind.exit: {
        const exit = readExit(frame.payload);
        for (const listener of this.#exitListeners) listener(exit);
        return;
      }
      case FrameKind.execOutput: {
        const { id, stream, bytes } = readExecOutput(frame.payload);
        this.#execs.get(id)?.output(stream, bytes);
        return;
      }
      case FrameKind.execExit: {
        const { id, exitCode, signal } = readExecExit(frame.payload);
        this.#withExec(id, (session) => session.exit(exitCode, signal));
        return;
      }
      case FrameKind.execDrained:
        this.#withExec(readId(frame.payload), (session) => session.drain());
        return;
      default:
        throw internal(`monitor sent an event of unknown kind ${frame.kind}`);
    }
  }

  async #session(open: (name: string) => Promise<ProcessSession>): Promise<ProcessStreams> {
    if (this.#sessions >= maxSessions) {
      throw new CribError(
        "resource-exhausted",
        `sandbox ${this.sandboxId} has ${this.#sessions} live execs and attachments, which is all it may have`,
      );
    }
    this.#sessions++;
    try {
      const session = await open(`monitor of sandbox ${this.sandboxId}`);
      void session.closed.then(() => this.#sessions--);
      return session;
    } catch (error) {
      this.#sessions--;
      throw error;
    }
  }

  #withExec(id: string, act: (session: LiveExecSession) => void): void {
    const session = this.#execs.get(id);
    if (session === undefined) return;
    act(session);
    if (session.isOver) this.#execs.delete(id);
  }

  #mute(id: ExecId, stream: "stdout" | "stderr"): void {
    if (!this.#connection.isOpen) return;
    // A monitor of an earlier crib knows no such request (ENOSYS) and goes on sending, which costs only the daemon.
    void this.#connection.request(FrameKind.mute, mutePayload(id, stream)).catch(() => undefined);
  }

  #abandon(id: ExecId): void {
    this.#execs.delete(id);
    if (!this.#connection.isOpen) return;
    // A monitor that goes away meanwhile has nothing left to abandon.
    void this.#toNobodyIsFine(FrameKind.abandon, idPayload(id)).catch(() => undefined);
  }

  /** What is gone needs no signal and no end of input. */
  async #toNobodyIsFine(kind: number, payload: Uint8Array): Promise<void> {
    try {
      await this.#connection.request(kind, payload);
    } catch (error) {
      if (error instanceof MonitorError && error.failure.errno === Errno.ENOENT) return;
      throw error;
    }
  }
}
