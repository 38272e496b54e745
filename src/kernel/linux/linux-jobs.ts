import type { Pointer } from "bun:ffi";
import type { FdSocketOptions, Socket, SocketOptions, UnixSocketOptions } from "bun";
import { deadlineExceeded, unavailable } from "../../errors/crib-error.ts";
import type { Fd } from "../../ids/process.ts";
import type { JobKind } from "./job-numbers.ts";
import { type Calls, checkedShim } from "./linux-calls.ts";
import { type JobReply, ReplyFrames } from "./reply-frames.ts";

/**
 * The kernel answers these within milliseconds, on a machine that is as busy as can be within seconds. What has not come by then is
 * given up: its thread hangs in the kernel and is left behind.
 */
const asideDeadlineMs = 15_000;

/** Threads there are at most. They are made as they are needed; one that hangs in the kernel stays one of them. */
const mostThreads = 32;
/** Beyond, something hangs and more of the same only waits for it. */
const mostOpen = 1024;

export interface JobRequest {
  readonly kind: (typeof JobKind)[keyof typeof JobKind];
  readonly request: Uint8Array;
  /** May be closed as soon as the job is started. */
  readonly fds: readonly Fd[];
  /** Names it in the error of one that does not end. */
  readonly what: string;
  /** What it made after it was given up, to be taken away again. */
  readonly late?: (reply: JobReply) => void;
}

interface OpenJob {
  readonly reply: PromiseWithResolvers<JobReply>;
  readonly timer: ReturnType<typeof setTimeout>;
}

/**
 * The event loop's end of ffi/libcrib/jobs.c: system calls that may wait (a lock of the whole machine, a grace period, a process that
 * waits for a processor) are made by threads, and the loop hears of it when they are over.
 */
export class Jobs {
  readonly #calls: Calls;
  readonly #open = new Map<number, OpenJob>();
  /** Given up, but perhaps not over. */
  readonly #late = new Map<number, (reply: JobReply) => void>();
  readonly #frames = new ReplyFrames();
  #pool: Pointer | undefined;
  #socket: Socket | undefined;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** @throws {CribError} deadline-exceeded when the kernel does not answer, unavailable when too much waits for it already. */
  run({ kind, request, fds, what, late }: JobRequest): Promise<JobReply> {
    if (this.#open.size >= mostOpen) throw unavailable(`${mostOpen} calls wait for the kernel already: ${what}`);
    const descriptors = new Int32Array(fds.length + 1);
    descriptors.set(fds);
    const { shim } = this.#calls;
    const pool = this.#opened();
    const id = checkedShim(shim.crib_jobs_start(pool, kind, request, request, descriptors, fds.length), "job", what);
    const reply = Promise.withResolvers<JobReply>();
    const timer = setTimeout(() => this.#giveUp(id, what, late), asideDeadlineMs);
    timer.unref();
    this.#open.set(id, { reply, timer });
    this.#socket?.ref();
    return reply.promise;
  }

  #giveUp(id: number, what: string, late: ((reply: JobReply) => void) | undefined): void {
    const job = this.#open.get(id);
    if (job === undefined) return;
    this.#forget(id);
    const begun = this.#calls.shim.crib_jobs_cancel(this.#opened(), id) === 0;
    if (begun && late !== undefined) this.#late.set(id, late);
    job.reply.reject(deadlineExceeded(`the kernel does not answer within ${asideDeadlineMs / 1000} s: ${what}`));
  }

  #forget(id: number): void {
    this.#open.delete(id);
    if (this.#open.size === 0) this.#socket?.unref();
  }

  #receive(chunk: Uint8Array): void {
    for (const reply of this.#frames.push(chunk)) {
      const job = this.#open.get(reply.id);
      if (job === undefined) {
        this.#late.get(reply.id)?.(reply);
        this.#late.delete(reply.id);
        continue;
      }
      clearTimeout(job.timer);
      this.#forget(reply.id);
      job.reply.resolve(reply);
    }
  }

  #opened(): Pointer {
    if (this.#pool !== undefined) return this.#pool;
    const out = new BigUint64Array(1);
    const fd = checkedShim(this.#calls.shim.crib_jobs_open(mostThreads, out), "jobs") as Fd;
    this.#pool = Number(out[0]) as Pointer;
    this.#connect(fd);
    return this.#pool;
  }

  #connect(fd: Fd): void {
    const options: FdSocketOptions = {
      fd,
      socket: {
        open: (socket) => {
          this.#socket = socket;
          if (this.#open.size === 0) socket.unref();
        },
        data: (_socket, chunk) => this.#receive(chunk),
      },
    };
    // bun-types has these options, but no overload that takes them.
    Bun.connect(options as SocketOptions as UnixSocketOptions).catch((error: unknown) => {
      for (const [id, { reply, timer }] of this.#open) {
        clearTimeout(timer);
        this.#forget(id);
        reply.reject(error);
      }
    });
  }
}
