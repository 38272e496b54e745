import type { FdSocketOptions, Socket, SocketOptions, UnixSocketOptions } from "bun";
import { CribError, internal } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import type { Fd } from "../../ids/process.ts";
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } from "../../kernel/open-flags.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import type { Kernel } from "../../kernel/port.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import type { LayerLimits } from "../layer-limits.ts";
import { advanceOrder, dropOrder, type InheritedDirectory, indexOrder, inheritOrder, rewriteOrder } from "./orders.ts";
import { type LayerIndex, type LayerReply, type ParsedLayer, ReplySplitter } from "./replies.ts";

export interface LayerProcessRequest {
  /** The first that exists is read from its start as it grows; renaming it meanwhile is harmless. */
  readonly blobPaths: readonly string[];
  /** Both are made by the job and must not exist. */
  readonly archivePath: string;
  readonly indexPath: string;
  readonly limits: LayerLimits;
}

/**
 * One `crib-layer`: a process of its own that turns a blob into an archive and its index (ffi/layers), while this one only says how
 * far the blob has come. Disposing of it ends it, whatever it is doing.
 */
export class LayerProcess implements Disposable {
  readonly #kernel: Kernel;
  readonly #pidfd: OwnedFd;
  readonly #replies = new ReplySplitter();
  readonly #inbox: LayerReply[] = [];
  #waiting: PromiseWithResolvers<LayerReply> | undefined;
  #unsent: Uint8Array[] = [];
  #socket: Socket | undefined;
  #ended: Error | undefined;

  /** @param executable the sealed memfd of `crib-layer`. */
  static async start(kernel: Kernel, executable: Fd, request: LayerProcessRequest): Promise<LayerProcess> {
    const [ours, theirs] = kernel.socketPair();
    using kept = new OwnedFd(kernel, ours);
    using given = new OwnedFd(kernel, theirs);
    using blob = new OwnedFd(kernel, openFirst(kernel, request.blobPaths));
    const made = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    using archive = new OwnedFd(kernel, kernel.open(request.archivePath, made, 0o600));
    using index = new OwnedFd(kernel, kernel.open(request.indexPath, made, 0o600));
    const { limits } = request;
    const numbers = [
      limits.maxEntries,
      limits.maxArchiveBytes,
      limits.maxRatio,
      limits.ratioFreeBytes,
      limits.maxDirectoryNameBytes,
      limits.minFreeBytes,
    ];
    const fds = [given.fd, blob.fd, archive.fd, index.fd];
    const pid = kernel.spawnDetached(executable, ["crib-layer", ...numbers.map((number) => String(number))], fds);
    const process = new LayerProcess(kernel, new OwnedFd(kernel, kernel.pidfdOpen(pid)));
    try {
      await process.#connect(kept.release());
      return process;
    } catch (error) {
      process[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(kernel: Kernel, pidfd: OwnedFd) {
    this.#kernel = kernel;
    this.#pidfd = pidfd;
  }

  /** What is in the blob, once it is all read. @throws {CribError} for a damaged or refused archive, or a full disk. */
  async parsed(): Promise<ParsedLayer> {
    const reply = await this.#reply();
    if (reply.kind !== "parsed") throw internal(`crib-layer answered ${reply.kind}, not parsed`);
    return reply.layer;
  }

  advance(availableBytes: number, final: boolean): void {
    this.#send(advanceOrder(availableBytes, final));
  }

  /** The same archive with some of its directories elsewhere. */
  async rewrite(rewritten: readonly (readonly [string, string])[]): Promise<ParsedLayer> {
    this.#send(rewriteOrder(rewritten));
    return await this.parsed();
  }

  inherit(directories: readonly InheritedDirectory[]): void {
    if (directories.length > 0) this.#send(inheritOrder(directories));
  }

  /** Whiteouts that are not to be. */
  drop(whiteouts: readonly string[]): void {
    if (whiteouts.length > 0) this.#send(dropOrder(whiteouts));
  }

  /** Writes the index and names it by the first bytes of `id`. */
  async index(id: Uint8Array): Promise<LayerIndex> {
    this.#send(indexOrder(id));
    const reply = await this.#reply();
    if (reply.kind !== "indexed") throw internal(`crib-layer answered ${reply.kind}, not indexed`);
    return reply.index;
  }

  [Symbol.dispose](): void {
    this.#end(new CribError("cancelled", "unpacking was cancelled"));
    this.#socket?.terminate();
    try {
      this.#kernel.pidfdSendSignal(this.#pidfd.fd, SIGKILL);
    } catch (error) {
      if (!(error instanceof ErrnoError && (error.errno === Errno.ESRCH || error.errno === Errno.EBADF))) throw error;
    } finally {
      this.#pidfd[Symbol.dispose]();
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
        close: () => this.#end(internal("crib-layer ended without an answer")),
        error: (_socket, error) => this.#end(internal(`crib-layer is gone: ${error.message}`, error)),
      },
    };
    // bun-types has these options, but no overload that takes them.
    await Bun.connect(options as SocketOptions as UnixSocketOptions);
  }

  #receive(bytes: Uint8Array): void {
    try {
      for (const reply of this.#replies.push(bytes)) {
        if (reply.kind === "failed") this.#end(reply.error);
        else if (this.#waiting === undefined) this.#inbox.push(reply);
        else this.#waiting.resolve(reply);
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : internal(String(error)));
    }
  }

  async #reply(): Promise<LayerReply> {
    const arrived = this.#inbox.shift();
    if (arrived !== undefined) return arrived;
    if (this.#ended !== undefined) throw this.#ended;
    this.#waiting = Promise.withResolvers<LayerReply>();
    try {
      return await this.#waiting.promise;
    } finally {
      this.#waiting = undefined;
    }
  }

  #send(order: Uint8Array): void {
    if (this.#ended !== undefined) return;
    this.#unsent.push(order);
    this.#flush();
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

function openFirst(kernel: Kernel, paths: readonly string[]): Fd {
  for (const path of paths.slice(0, -1)) {
    try {
      return kernel.open(path, O_RDONLY | O_NOFOLLOW);
    } catch (error) {
      if (!(error instanceof ErrnoError && error.errno === Errno.ENOENT)) throw error;
    }
  }
  return kernel.open(paths.at(-1) ?? "", O_RDONLY | O_NOFOLLOW);
}
