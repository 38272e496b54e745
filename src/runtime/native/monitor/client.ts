import { CribError, deadlineExceeded, internal, unavailable } from "../../../errors/crib-error.ts";
import type { ContainerId, ExecId, SandboxId } from "../../../ids/object-id.ts";
import type { Pid } from "../../../ids/process.ts";
import { SIGKILL } from "../../../kernel/signals.ts";
import { deadlines } from "../../deadlines.ts";
import type { ContainerAttach, ContainerExit, KeptContainer, SandboxSetupResult, StartResult } from "../../port.ts";
import type { ProcessStreams } from "../../streams.ts";
import { FrameKind } from "../wire-numbers.ts";
import type { MonitorConnection } from "./connection.ts";
import { LiveExecSession } from "./exec-session.ts";
import { frameName } from "./frame-name.ts";
import type { Frame } from "./frames.ts";
import { ifThere } from "./launch-failure.ts";
import type { MonitorAddress } from "./monitor-address.ts";
import type { ExecRequest, ExecStreamsRequest, Monitor, MonitorExec, MonitorSetup, StartRequest } from "./port.ts";
import { openAttachSession, openExecSession, type ProcessSession } from "./process-session.ts";
import {
  type Greeting,
  readExecExit,
  readExit,
  readId,
  readList,
  readSetupResult,
  readStartResult,
} from "./replies.ts";
import {
  execPayload,
  idPayload,
  mutePayload,
  setupPayload,
  signalPayload,
  startPayload,
  unsharePayload,
} from "./requests.ts";

const nothing = new Uint8Array(0);
const noop = () => undefined;

/**
 * How many live execs and attachments a pod may have at once. Below CONNECTIONS_MAX of ffi/monitor/transport/connection.c, so that a
 * daemon that comes back always gets in.
 */
const maxSessions = 448;

/** The monitor kills what it launches after the time it is waited for, unless the caller sets less. */
function timed<Request extends StartRequest | ExecRequest>(request: Request): Request {
  return { timeoutMs: deadlines.startMs, ...request };
}

/** The daemon's end of a connection to a monitor that has said hello. */
export class MonitorClient implements Monitor {
  readonly sandboxId: SandboxId;
  readonly pid: Pid;
  readonly lost: Promise<CribError>;
  build: string | undefined;
  readonly #connection: MonitorConnection;
  readonly #execs = new Map<string, LiveExecSession>();
  readonly #exitListeners: ((exit: ContainerExit) => void)[] = [];
  readonly #address: MonitorAddress;
  /** Of the protocol. */
  readonly #version: number;
  #sessions = 0;
  #leaving = false;

  constructor({ pid, version, build }: Greeting, connection: MonitorConnection, address: MonitorAddress) {
    this.sandboxId = address.sandboxId;
    this.pid = pid;
    this.build = build;
    this.#version = version;
    this.#connection = connection;
    this.#address = address;
    const { promise, resolve } = Promise.withResolvers<CribError>();
    this.lost = promise;
    void connection.closed.then((reason) => {
      const gone = unavailable(reason.message, reason);
      for (const session of this.#execs.values()) session.lost(gone);
      this.#execs.clear();
      if (!this.#leaving) resolve(reason);
    });
  }

  async unshare(flags: number): Promise<void> {
    await this.#connection.request(FrameKind.unshare, unsharePayload(flags), { deadlineMs: deadlines.setupMs });
  }

  async setup(setup: MonitorSetup, deadlineMs: number = deadlines.setupMs): Promise<SandboxSetupResult> {
    return readSetupResult(await this.#connection.request(FrameKind.setup, setupPayload(setup), { deadlineMs }));
  }

  async start(request: StartRequest, giveUp?: AbortSignal): Promise<StartResult> {
    return readStartResult(
      await this.#launch(FrameKind.start, request.id, startPayload(timed(request), this.#version), giveUp),
    );
  }

  async exec(request: ExecRequest, giveUp?: AbortSignal): Promise<MonitorExec> {
    const session = new LiveExecSession(request.id, {
      mute: (stream) => this.#mute(request.id, stream),
      abandon: () => this.#abandon(request.id),
    });
    this.#execs.set(request.id, session);
    try {
      const payload = execPayload(timed(request), this.#version);
      const result = readStartResult(await this.#launch(FrameKind.exec, request.id, payload, giveUp));
      session.started(result.pid);
      return session;
    } catch (error) {
      if (giveUp?.aborted === true) this.#abandon(request.id);
      else this.#execs.delete(request.id);
      throw error;
    }
  }

  async openExec(request: ExecStreamsRequest): Promise<ProcessStreams> {
    return await this.#session(() => openExecSession(this.#address, this.#version, request));
  }

  async attach(request: ContainerAttach): Promise<ProcessStreams> {
    return await this.#session(() => openAttachSession(this.#address, this.#version, request));
  }

  async signal(target: ContainerId | ExecId, signal: number): Promise<void> {
    await ifThere(this.#quick(FrameKind.signal, signalPayload(target, signal)));
  }

  async list(deadlineMs: number = deadlines.quickMs): Promise<readonly KeptContainer[]> {
    return readList(await this.#connection.request(FrameKind.list, nothing, { deadlineMs }));
  }

  async reopenLog(id: ContainerId): Promise<void> {
    await this.#quick(FrameKind.reopenLog, idPayload(id));
  }

  async forget(id: ContainerId): Promise<void> {
    await this.#quick(FrameKind.forget, idPayload(id));
  }

  async shutdown(): Promise<void> {
    this.#leaving = true;
    if (!this.#connection.isOpen) return;
    const left = new AbortController();
    void this.#connection.closed.then(() => left.abort());
    // Its connection ends with it, or with the deadline: either is what is waited for.
    this.#connection.request(FrameKind.shutdown, nothing, { deadlineMs: deadlines.shutdownMs }).catch(() => undefined);
    while (await this.#address.clock.sleep(deadlines.pingMs, left.signal)) {
      // A monitor that waits for its children goes on answering; one that does not ends the connection here.
      await this.list(deadlines.pingMs).catch(() => undefined);
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

  takeOutput(id: string, stream: "stdout" | "stderr", bytes: Uint8Array): void {
    this.#execs.get(id)?.output(stream, bytes);
  }

  takeEvent(frame: Frame): void {
    switch (frame.kind) {
      case FrameKind.exit: {
        const exit = readExit(frame.payload);
        for (const listener of this.#exitListeners) listener(exit);
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

  async #session(open: () => Promise<ProcessSession>): Promise<ProcessStreams> {
    if (this.#sessions >= maxSessions) {
      throw new CribError(
        "resource-exhausted",
        `sandbox ${this.sandboxId} has ${this.#sessions} live execs and attachments, which is all it may have`,
      );
    }
    this.#sessions++;
    try {
      const session = await open();
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

  #quick(kind: number, payload: Uint8Array): Promise<Uint8Array> {
    return this.#connection.request(kind, payload, { deadlineMs: deadlines.quickMs });
  }

  /** A launch that was given up and succeeds all the same is killed: no caller waits for that process any more. */
  async #launch(
    kind: number,
    id: ContainerId | ExecId,
    payload: Uint8Array,
    giveUp: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const onLate = () => void this.signal(id, SIGKILL).catch(noop);
    if (giveUp !== undefined) return await this.#connection.patientRequest(kind, payload, { signal: giveUp, onLate });
    const late = new AbortController();
    const started = new AbortController();
    void this.#address.clock.sleep(deadlines.startMs, started.signal).then((passed) => {
      if (passed) late.abort(deadlineExceeded(`no ${frameName(kind)} of ${id} within ${deadlines.startMs / 1000} s`));
    });
    try {
      return await this.#connection.patientRequest(kind, payload, { signal: late.signal, onLate });
    } finally {
      started.abort();
    }
  }

  #mute(id: ExecId, stream: "stdout" | "stderr"): void {
    if (!this.#connection.isOpen) return;
    // A monitor of an earlier crib knows no such request (ENOSYS) and goes on sending, which costs only the daemon.
    void this.#quick(FrameKind.mute, mutePayload(id, stream)).catch(() => undefined);
  }

  #abandon(id: ExecId): void {
    this.#execs.delete(id);
    if (!this.#connection.isOpen) return;
    // A monitor that goes away meanwhile has nothing left to abandon.
    void ifThere(this.#quick(FrameKind.abandon, idPayload(id))).catch(() => undefined);
  }
}
