import type { Subprocess } from "bun";
import { CribError, deadlineExceeded, failedPrecondition, unavailable } from "../../errors/crib-error.ts";
import { errnoName } from "../../errors/errno.ts";
import type { Fd } from "../../ids/process.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";

/** One thing to do at a path; ffi/look/look.c says what each does. */
export interface Look {
  readonly kind: "stat" | "make-directory" | "real-path" | "read-file";
  readonly path: string;
}

/** What was there. */
export interface Found {
  /** 0, or why there is nothing to tell. */
  readonly errno: number;
  readonly mode: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly uid: number;
  readonly gid: number;
  /** The real path, or the file's content. */
  readonly data: Uint8Array;
}

const letters = { stat: "s", "make-directory": "m", "real-path": "r", "read-file": "f" } as const;
const replyBytes = 32;
/** A local disk answers within milliseconds; one that does not within this keeps its process, and the request fails. */
const deadlineMs = 5_000;
/** Idle processes that are kept; a few hundred KiB each. */
const kept = 2;
/** Processes that wait for file systems that do not answer; a few hundred KiB each. */
const mostHung = 256;
/**
 * A kubelet asks again for ever, and each time leaves a process behind: after so many at one path it is asked ever more seldom, so that
 * a volume that hangs never takes all there may be, and with them every other pod's start.
 */
const freeAttempts = 2;
const firstPauseMs = 10_000;
const longestPauseMs = 300_000;

interface Adapters {
  readonly executable: Fd;
  readonly clock: Pick<Clock, "sleep" | "monotonicMs">;
  readonly log: Log;
}

/** A path at which processes are stuck. */
interface Silence {
  stuck: number;
  pauseMs: number;
  /** When it is asked again. */
  nextMs: number;
}

/**
 * Looks at paths that a pod, a volume or a mounted file system decides, in processes of their own: a call on a file system
 * that does not answer holds its process in the kernel, where nothing ends it. The event loop never makes one, and a process
 * that hangs is left behind.
 */
export class PathLooker implements Disposable {
  readonly #adapters: Adapters;
  readonly #idle: LookProcess[] = [];
  readonly #silent = new Map<string, Silence>();
  #hung = 0;

  constructor(adapters: Adapters) {
    this.#adapters = adapters;
  }

  /** All that are kept: no request should be the one that waits for a process to start. */
  prepare(): void {
    while (this.#idle.length < kept) this.#idle.push(new LookProcess(this.#adapters.executable));
  }

  /** Does all in this order. @throws {CribError} deadline-exceeded when the file system does not answer. */
  async lookAll(looks: readonly Look[]): Promise<readonly Found[]> {
    if (looks.length === 0) return [];
    this.#checkSilent(looks);
    if (this.#hung >= mostHung) {
      throw unavailable(`${this.#hung} looks at paths of file systems that do not answer are waited for already`);
    }
    const looker = this.#idle.pop() ?? new LookProcess(this.#adapters.executable);
    const found = await this.#inTime(looker, looks);
    if (this.#idle.length < kept) this.#idle.push(looker);
    else looker.kill();
    return found;
  }

  /** @throws {CribError} failed-precondition when it cannot be done, deadline-exceeded when the file system does not answer. */
  async look(look: Look, what: string): Promise<Found> {
    const [found] = await this.lookAll([look]);
    return checkFound(found, look, what);
  }

  /** @throws {CribError} deadline-exceeded */
  #checkSilent(looks: readonly Look[]): void {
    const nowMs = this.#adapters.clock.monotonicMs();
    for (const { path } of looks) {
      const leftMs = (this.#silent.get(path)?.nextMs ?? 0) - nowMs;
      if (leftMs <= 0) continue;
      const name = JSON.stringify(path.slice(0, 200));
      throw deadlineExceeded(
        `the file system of ${name} does not answer: it is asked again in ${Math.ceil(leftMs / 1000)} s`,
      );
    }
  }

  /** @param path of the look that it has not answered. */
  #leaveBehind(looker: LookProcess, path: string): void {
    const silence = this.#silent.get(path) ?? { stuck: 0, pauseMs: firstPauseMs, nextMs: 0 };
    this.#silent.set(path, silence);
    this.#hung += 1;
    silence.stuck += 1;
    if (silence.stuck > freeAttempts) {
      silence.nextMs = this.#adapters.clock.monotonicMs() + silence.pauseMs;
      silence.pauseMs = Math.min(silence.pauseMs * 2, longestPauseMs);
    }
    looker.kill();
    void looker.ended.then(() => {
      this.#hung -= 1;
      silence.stuck -= 1;
      if (silence.stuck === 0) this.#silent.delete(path);
    });
  }

  [Symbol.dispose](): void {
    for (const looker of this.#idle.splice(0)) looker.kill();
  }

  async #inTime(looker: LookProcess, looks: readonly Look[]): Promise<readonly Found[]> {
    const { clock, log } = this.#adapters;
    const answered = new AbortController();
    const work = looker.ask(looks);
    // What comes after the deadline is nobody's.
    work.catch(() => undefined);
    try {
      const found = await Promise.race([work, clock.sleep(deadlineMs, answered.signal).then(() => undefined)]);
      if (found !== undefined) return found;
    } catch (error) {
      looker.kill();
      throw error;
    } finally {
      answered.abort();
    }
    this.#leaveBehind(looker, looks[looker.answered]?.path ?? "");
    const paths = looks.map(({ path }) => JSON.stringify(path.slice(0, 200))).join(", ");
    log.warn({ paths, pid: looker.pid }, "a file system does not answer: the process that looks is left behind");
    throw deadlineExceeded(`no answer within ${deadlineMs / 1000} s from the file system of ${paths}`);
  }
}

/** @throws {CribError} failed-precondition naming the thing, its path and the errno. */
export function checkFound(found: Found | undefined, { path }: Look, what: string): Found {
  if (found !== undefined && found.errno === 0) return found;
  const why = found === undefined ? "not looked at" : errnoName(found.errno);
  throw failedPrecondition(`${what} ${JSON.stringify(path.slice(0, 200))}: ${why}`);
}

interface Reader {
  read(): Promise<{ readonly value?: Uint8Array | undefined }>;
}

/** One process that looks, and answers in order. */
class LookProcess {
  readonly #child: Subprocess<"pipe", "pipe", "ignore">;
  readonly #reader: Reader;
  #held: Buffer = Buffer.alloc(0);
  /** Of the looks asked last. */
  answered = 0;

  constructor(executable: Fd) {
    this.#child = Bun.spawn([`/proc/self/fd/${executable}`], {
      argv0: "crib-look",
      cwd: "/",
      env: {},
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    });
    // A daemon that ends waits for none of them.
    this.#child.unref();
    this.#reader = this.#child.stdout.getReader();
  }

  get pid(): number {
    return this.#child.pid;
  }

  get ended(): Promise<unknown> {
    return this.#child.exited;
  }

  async ask(looks: readonly Look[]): Promise<readonly Found[]> {
    this.answered = 0;
    const requests = looks.map(({ kind, path }) => `${letters[kind]}${path}\0`).join("");
    this.#child.stdin.write(requests);
    await this.#child.stdin.flush();
    const found: Found[] = [];
    for (; this.answered < looks.length; this.answered++) found.push(await this.#reply());
    return found;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async #reply(): Promise<Found> {
    const head = await this.#take(replyBytes);
    const [mode, deviceMajor, deviceMinor, uid, gid, length] = [4, 8, 12, 16, 20, 24].map((at) =>
      head.readUInt32LE(at),
    ) as [number, number, number, number, number, number];
    const data = await this.#take(length);
    return { errno: head.readInt32LE(0), mode, deviceMajor, deviceMinor, uid, gid, data };
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#held.length < length) {
      const { value } = await this.#reader.read();
      if (value === undefined) throw new CribError("internal", "the process that looks at paths has ended");
      this.#held = Buffer.concat([this.#held, value]);
    }
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }
}
