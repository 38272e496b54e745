import { internal } from "../../errors/crib-error.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import type { Fd } from "../../ids/process.ts";
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } from "../../kernel/open-flags.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import type { Kernel } from "../../kernel/port.ts";
import type { LayerLimits } from "../layer-limits.ts";
import { HelperProcess } from "./helper-process.ts";
import { advanceOrder, dropOrder, type InheritedDirectory, indexOrder, inheritOrder, rewriteOrder } from "./orders.ts";
import { type LayerIndex, type LayerReply, type ParsedLayer, parseLayerReply } from "./replies.ts";

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
  readonly #helper: HelperProcess<LayerReply>;

  /** @param executable the sealed memfd of `crib-layer`. */
  static async start(kernel: Kernel, executable: Fd, request: LayerProcessRequest): Promise<LayerProcess> {
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
    const args = numbers.map((number) => String(number));
    const fds = [blob.fd, archive.fd, index.fd];
    return new LayerProcess(await HelperProcess.start(kernel, executable, args, fds, parseLayerReply));
  }

  private constructor(helper: HelperProcess<LayerReply>) {
    this.#helper = helper;
  }

  /** What is in the blob, once it is all read. @throws {CribError} for a damaged or refused archive, or a full disk. */
  async parsed(): Promise<ParsedLayer> {
    const reply = await this.#helper.reply();
    if (reply.kind !== "parsed") throw internal(`crib-layer answered ${reply.kind}, not parsed`);
    return reply.layer;
  }

  advance(availableBytes: number, final: boolean): void {
    this.#helper.send(advanceOrder(availableBytes, final));
  }

  /** The same archive with some of its directories elsewhere. */
  async rewrite(rewritten: readonly (readonly [string, string])[]): Promise<ParsedLayer> {
    this.#helper.send(rewriteOrder(rewritten));
    return await this.parsed();
  }

  inherit(directories: readonly InheritedDirectory[]): void {
    if (directories.length > 0) this.#helper.send(inheritOrder(directories));
  }

  /** Whiteouts that are not to be. */
  drop(whiteouts: readonly string[]): void {
    if (whiteouts.length > 0) this.#helper.send(dropOrder(whiteouts));
  }

  /** Writes the index and names it by the first bytes of `id`. */
  async index(id: Uint8Array): Promise<LayerIndex> {
    this.#helper.send(indexOrder(id));
    const reply = await this.#helper.reply();
    if (reply.kind !== "indexed") throw internal(`crib-layer answered ${reply.kind}, not indexed`);
    return reply.index;
  }

  [Symbol.dispose](): void {
    this.#helper[Symbol.dispose]();
  }
}

function openFirst(kernel: Kernel, paths: readonly string[]): Fd {
  for (const path of paths.slice(0, -1)) {
    try {
      return kernel.open(path, O_RDONLY | O_NOFOLLOW);
    } catch (error) {
      if (!hasErrno(error, "ENOENT")) throw error;
    }
  }
  return kernel.open(paths.at(-1) ?? "", O_RDONLY | O_NOFOLLOW);
}
