import type { FdSocketOptions, Socket, SocketOptions, UnixSocketOptions } from "bun";
import { CribError, internal } from "../../errors/crib-error.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import type { Fd } from "../../ids/process.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import type { Kernel } from "../../kernel/port.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import { FrameSplitter } from "./frame-splitter.ts";

/** What a helper said, or why it ends. */
export type HelperReply<Reply> = { readonly reply: Reply } | { readonly failure: CribError };

/** A helper that was killed is gone as soon as its last system call is, which a dying disk may keep. */
const killedWithinMs = 20_000;

/** A `crib-layer`, whatever it does: orders go to it and replies come from it in frames. Disposing of it kills it. */
export class HelperProcess<Reply> implements Disposable {
  readonly #kernel: Kernel;
  readonly #pidfd: OwnedFd;
  readonly #parse: (frame: Buffer) => HelperReply<Reply>;
  readonly #frames = new FrameSplitter();
  readonly #inbox: Reply[] = [];
  readonly #gone = Promise.withResolvers<void>();
  #waiting: PromiseWithResolvers<Reply> | undefined;
  #unsent: Uint8Array[] = [];
  #socket: Socket | undefined;
  #ended: Error | undefined;
  #killing: Promise<void> | undefined;
  #closed = false;

  /**
   * @param executable the sealed memfd of `crib-layer`.
   * @param fds what it is handed behind its socket.
   */
  static async start<Reply>(
    kernel: Kernel,
    executable: Fd,
    args: readonly string[],
    fds: readonly Fd[],
    parse: (frame: Buffer) => HelperReply<Reply>,
  ): Promise<HelperProcess<Reply>> {
    const [ours, theirs] = kernel.socketPair();
    using kept = new OwnedFd(kernel, ours);
    using given = new OwnedFd(kernel, theirs);
    const pid = await kernel.spawnDetached(executable, ["crib-layer", ...args], [given.fd, ...fds]);
    const helper = new HelperProcess(kernel, new OwnedFd(kernel, kernel.pidfdOpen(pid)), parse);
    try {
      await helper.#connect(kept.release());
      return helper;
    } catch (error) {
      helper[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(kernel: Kernel, pidfd: OwnedFd, parse: (frame: Buffer) => HelperReply<Reply>) {
    this.#kernel = kernel;
    this.#pidfd = pidfd;
    this.#parse = parse;
  }

  send(order: Uint8Array): void {
    if (this.#ended !== undefined) return;
    this.#unsent.push(order);
    this.#flush();
  }

  /** The next reply. @throws {CribError} what the helper failed with, or that it is gone. */
  async reply(): Promise<Reply> {
    const arrived = this.#inbox.shift();
    if (arrived !== undefined) return arrived;
    if (this.#ended !== undefined) throw this.#ended;
    this.#waiting = Promise.withResolvers<Reply>();
    try {
      return await this.#waiting.promise;
    } finally {
      this.#waiting = undefined;
    }
  }

  /** Kills it and waits until it is gone: from then on it writes nothing. */
  async kill(): Promise<void> {
    this.#killing ??= this.#kill();
    await this.#killing;
  }

  async #kill(): Promise<void> {
    this.#end(new CribError("cancelled", "the work was cancelled"));
    this.#signal();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(internal("a killed crib-layer does not end")), killedWithinMs);
    try {
      await Promise.race([this.#gone.promise, late.promise]);
    } finally {
      clearTimeout(timer);
      this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    this.#end(new CribError("cancelled", "unpacking was cancelled"));
    this.#socket?.terminate();
    try {
      this.#signal();
    } finally {
      this.#closed = true;
      this.#pidfd[Symbol.dispose]();
    }
  }

  #signal(): void {
    // The number of a closed descriptor may be another process's by now.
    if (this.#closed) return;
    try {
      this.#kernel.pidfdSendSignal(this.#pidfd.fd, SIGKILL);
    } catch (error) {
      if (!hasErrno(error, "ESRCH", "EBADF")) throw error;
    }
  }

  async #connect(fd: Fd): Promise<void> {
    const options: FdSocketOptions = {
      fd,
      socket: {
        open: (socket) => {
          this.#socket = socket;
        },
        data: (_socket, bytes) => this.#receive(bytes),
        drain: () => this.#flush(),
        close: () => {
          this.#end(internal("crib-layer ended without an answer"));
          this.#gone.resolve();
        },
        error: (_socket, error) => this.#end(internal(`crib-layer is gone: ${error.message}`, error)),
      },
    };
    // bun-types has these options, but no overload that takes them.
    await Bun.connect(options as SocketOptions as UnixSocketOptions);
  }

  #receive(bytes: Uint8Array): void {
    try {
      for (const frame of this.#frames.push(bytes)) {
        const said = this.#parse(frame);
        if ("failure" in said) this.#end(said.failure);
        else if (this.#waiting === undefined) this.#inbox.push(said.reply);
        else {
          this.#waiting.resolve(said.reply);
          // Whoever waited asks for the next only after this turn.
          this.#waiting = undefined;
        }
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : internal(String(error)));
    }
  }

  #flush(): void {
    for (let first = this.#unsent[0]; this.#socket !== undefined && first !== undefined; first = this.#unsent[0]) {
      const written = this.#socket.write(first);
      // Negative: the socket is closing and says so by itself.
      if (written < first.length) {
        if (written > 0) this.#unsent[0] = first.subarray(written);
        return;
      }
      this.#unsent.shift();
    }
  }

  #end(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#unsent = [];
    this.#waiting?.reject(error);
  }
}
