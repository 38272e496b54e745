import { unavailable } from "../../../errors/crib-error.ts";
import type { ExecId } from "../../../ids/object-id.ts";
import type { Pid } from "../../../ids/process.ts";
import type { MonitorExec } from "./port.ts";

type OutputListener = (stream: "stdout" | "stderr", bytes: Uint8Array) => void;

export interface ExecSessionCalls {
  /** Tells the monitor that nobody reads this stream any more. */
  mute(stream: "stdout" | "stderr"): void;
  /** Tells the monitor that nobody reads any more. */
  abandon(): void;
}

/**
 * The daemon's end of one exec. Made before the request is sent, so that no event of a short command can come too early;
 * output is kept until there is a listener.
 */
export class LiveExecSession implements MonitorExec {
  readonly exited: Promise<{ readonly exitCode: number; readonly signal: number }>;
  readonly drained: Promise<void>;
  readonly #calls: ExecSessionCalls;
  readonly #exit = Promise.withResolvers<{ readonly exitCode: number; readonly signal: number }>();
  readonly #drain = Promise.withResolvers<void>();
  #pid: Pid | undefined;
  #early: Parameters<OutputListener>[] = [];
  #listener: OutputListener | undefined;
  #exitSeen = false;
  #drainSeen = false;
  #abandoned = false;
  readonly #muted = new Set<"stdout" | "stderr">();

  constructor(
    readonly id: ExecId,
    calls: ExecSessionCalls,
  ) {
    this.#calls = calls;
    this.exited = this.#exit.promise;
    this.drained = this.#drain.promise;
    // A caller may look at only one of them: a monitor that dies must not become an unhandled rejection.
    this.exited.catch(() => undefined);
    this.drained.catch(() => undefined);
  }

  get pid(): Pid {
    if (this.#pid === undefined) throw unavailable(`exec ${this.id} has not started`);
    return this.#pid;
  }

  get isOver(): boolean {
    return this.#exitSeen && this.#drainSeen;
  }

  onOutput(listener: OutputListener): void {
    this.#listener = listener;
    const early = this.#early;
    this.#early = [];
    for (const output of early) listener(...output);
  }

  mute(stream: "stdout" | "stderr"): void {
    if (this.#muted.has(stream) || this.#abandoned || this.isOver) return;
    this.#muted.add(stream);
    this.#calls.mute(stream);
  }

  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    this.#early = [];
    this.#listener = undefined;
    if (!this.isOver) this.#calls.abandon();
  }

  started(pid: Pid): void {
    this.#pid = pid;
  }

  output(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    if (this.#abandoned) return;
    if (this.#listener === undefined) this.#early.push([stream, bytes.slice()]);
    else this.#listener(stream, bytes);
  }

  exit(exitCode: number, signal: number): void {
    this.#exitSeen = true;
    this.#exit.resolve({ exitCode, signal });
  }

  drain(): void {
    this.#drainSeen = true;
    this.#drain.resolve();
  }

  lost(error: Error): void {
    this.#exit.reject(error);
    this.#drain.reject(error);
  }
}
