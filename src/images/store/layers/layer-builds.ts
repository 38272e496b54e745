import { mkdir } from "node:fs/promises";
import { CribError } from "../../../errors/crib-error.ts";
import type { ChainId, DiffId } from "../../../ids/digest.ts";
import { type HostPath, joinHostPath } from "../../../ids/path.ts";
import type { Fd } from "../../../ids/process.ts";
import type { UnpackResult } from "../../../layers/apply-messages.ts";
import type { LayerLimits } from "../../../layers/layer-limits.ts";
import type { LayerWorkers, UnpackJob } from "../../../layers/layer-workers.ts";
import type { LayerProcesses } from "../../../layers/native/layer-processes.ts";
import type { ParsedLayer } from "../../../layers/native/replies.ts";
import type { Log } from "../../../observe/log.ts";
import { atOnce } from "../../check/pace.ts";
import type { BlobDownloads } from "../../content/blob-downloads.ts";
import type { ContentStore } from "../../content/content-store.ts";
import type { LayerPhase, LayerSender } from "../../port.ts";
import type { Descriptor } from "../../pull/manifest.ts";
import { SharedTasks } from "../../pull/shared-tasks.ts";
import type { BlobSource } from "../../registry/repository.ts";
import { ArchiveUnpacking, DirectoryUnpacking, dependsOnOthers, type Unpacking } from "../unpacking.ts";
import type { LayerKinds } from "./layer-kinds.ts";
import { layerNames } from "./layer-names.ts";
import type { LayerStore } from "./layer-store.ts";

export interface LayerWish {
  readonly chainId: ChainId;
  readonly diffId: DiffId;
  readonly blob: Descriptor;
  /** Chain ids of the layers below, bottom first, and when they are all there. */
  readonly below: readonly ChainId[];
  readonly belowReady: Promise<unknown>;
  readonly from: BlobSource;
}

export interface LayerProgress {
  readonly phase: LayerPhase;
  readonly doneBytes: number;
  readonly sender?: LayerSender;
}

type Rewritten = readonly (readonly [string, string])[];

/**
 * Turns layer blobs into layers: download, hash, decompress and unpack at the same time, layers of a stack side by side.
 * Only what a layer inherits from those below waits for them.
 */
export class LayerBuilds {
  readonly #content: ContentStore;
  readonly #layers: LayerStore;
  readonly #downloads: BlobDownloads;
  readonly #workers: LayerWorkers;
  readonly #processes: LayerProcesses;
  readonly #kinds: LayerKinds;
  readonly #limits: LayerLimits;
  readonly #log: Log;
  readonly #running = new SharedTasks<ChainId, void, LayerProgress>({ joinersRetry: true });
  /** Names in `layers/ingest` that are being filled. */
  readonly active = new Set<string>();

  constructor(
    content: ContentStore,
    layers: LayerStore,
    downloads: BlobDownloads,
    workers: LayerWorkers,
    processes: LayerProcesses,
    kinds: LayerKinds,
    limits: LayerLimits,
    log: Log,
  ) {
    this.#content = content;
    this.#layers = layers;
    this.#downloads = downloads;
    this.#workers = workers;
    this.#processes = processes;
    this.#kinds = kinds;
    this.#limits = limits;
    this.#log = log;
  }

  /** Resolves when the layer is in the store. @throws {CribError} data-loss when the bytes are not what digests promise. */
  async ensure(wish: LayerWish, signal: AbortSignal, listen: (progress: LayerProgress) => void): Promise<void> {
    if (this.#layers.has(wish.chainId)) {
      listen({ phase: "present", doneBytes: wish.blob.sizeBytes });
      return;
    }
    await this.#running.run(wish.chainId, signal, (shared, emit) => this.#build(wish, shared, emit), listen);
  }

  /** A damaged blob, whether a mirror sent it or the disk turned it, is fetched anew once before it is given up. */
  async #build(wish: LayerWish, signal: AbortSignal, emit: (progress: LayerProgress) => void): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#attempt(wish, attempt, signal, emit);
        return;
      } catch (error) {
        if (!CribError.is(error, "data-loss")) throw error;
        // The blob is what its digest says, and others may have it: it is the image that does not say the truth of it. Not a
        // look that ends when another layer fails: what cannot be read counts as damaged.
        const neverEnding = new AbortController().signal;
        if ((await this.#content.problem(wish.blob.digest, atOnce(neverEnding))) === undefined) throw error;
        await this.#content.invalidate(wish.blob.digest);
        wish.from.wrong(wish.blob.digest, error.message);
        if (attempt === 1 || signal.aborted || wish.from.asksOnce === true) throw error;
        this.#log.warn({ blob: wish.blob.digest, error: error.message }, "a layer blob is damaged, fetching it again");
      }
    }
  }

  async #attempt(
    wish: LayerWish,
    attempt: number,
    signal: AbortSignal,
    emit: (progress: LayerProgress) => void,
  ): Promise<void> {
    const name = crypto.randomUUID();
    const aside = joinHostPath(this.#layers.ingestDirectory, name);
    this.active.add(name);
    try {
      await mkdir(aside, { mode: 0o700 });
      if (this.#kinds.next === "directory" || !(await this.#makeArchive(wish, aside, attempt, signal, emit)))
        await this.#makeDirectory(wish, aside, attempt, signal, emit);
      emit({ phase: "done", doneBytes: wish.blob.sizeBytes });
    } catch (error) {
      await this.#workers.remove(this.#layers.ingestDirectory, name);
      throw error;
    } finally {
      this.active.delete(name);
    }
  }

  /** @returns false when the kernel does not mount such layers: then nothing of it is left. */
  async #makeArchive(
    wish: LayerWish,
    aside: HostPath,
    attempt: number,
    signal: AbortSignal,
    emit: (progress: LayerProgress) => void,
  ): Promise<boolean> {
    const archivePath = joinHostPath(aside, layerNames.archive);
    const indexPath = joinHostPath(aside, layerNames.index);
    const request = { blobPaths: this.#blobPaths(wish.blob), archivePath, indexPath, limits: this.#limits };
    using unpacking = new ArchiveUnpacking(() => this.#processes.start(request));
    let parsed: ParsedLayer;
    try {
      parsed = await this.#downloadAnd(unpacking, wish, attempt, signal, emit);
    } catch (error) {
      if (!CribError.is(error, "unimplemented")) throw error;
      this.#log.debug({ blob: wish.blob.digest, error: error.message }, "a layer becomes a directory");
      await this.#clear(aside);
      return false;
    }
    checkDiffId(wish, parsed.diffId);
    if (dependsOnOthers(parsed)) await wish.belowReady;
    const index = await unpacking.index(wish.chainId, (found) => this.#workers.findBelow(found, this.#lowerDirs(wish)));
    await wish.belowReady;
    signal.throwIfAborted();
    let mount: Fd;
    try {
      mount = await this.#layers.mount(aside);
    } catch (error) {
      if (!this.#kinds.mountFailed(error)) throw error;
      await this.#clear(aside);
      return false;
    }
    const facts = {
      diffId: wish.diffId,
      diskBytes: parsed.archiveBytes + index.bytes,
      inodes: archiveInodes,
      indexDigest: index.digest,
    };
    try {
      await this.#layers.commit(wish.chainId, aside, facts, mount);
    } catch (error) {
      await this.#workers.close(mount);
      throw error;
    }
    return true;
  }

  async #makeDirectory(
    wish: LayerWish,
    aside: HostPath,
    attempt: number,
    signal: AbortSignal,
    emit: (progress: LayerProgress) => void,
  ): Promise<void> {
    const directory = joinHostPath(aside, layerNames.tree);
    using unpacking = new DirectoryUnpacking(() => this.#unpack(wish.blob, directory, []));
    const unpacked = await this.#downloadAnd(unpacking, wish, attempt, signal, emit);
    checkDiffId(wish, unpacked.diffId);
    await wish.belowReady;
    const final = await this.#inherit(wish, aside, unpacked, signal);
    signal.throwIfAborted();
    await this.#layers.commit(wish.chainId, aside, {
      diffId: wish.diffId,
      diskBytes: final.diskBytes,
      inodes: final.inodes,
    });
    if (final.droppedXattrs > 0)
      this.#log.warn(
        { layer: wish.chainId, attributes: final.droppedXattrs },
        "the filesystem has no room for some extended attributes of a layer",
      );
  }

  /** Downloads the blob and unpacks it meanwhile. */
  async #downloadAnd<Result>(
    unpacking: Unpacking<Result>,
    { blob, from }: LayerWish,
    attempt: number,
    signal: AbortSignal,
    emit: (progress: LayerProgress) => void,
  ): Promise<Result> {
    const leave = new AbortController();
    const download = this.#downloads.fetch(blob, from, attempt, AbortSignal.any([signal, leave.signal]), (progress) => {
      if (progress.kind === "waiting") return emit({ phase: "waiting", doneBytes: 0 });
      const whole = progress.bytes === blob.sizeBytes;
      unpacking.advance(progress.bytes, whole);
      const phase = whole ? "unpacking" : "downloading";
      emit({ phase, doneBytes: progress.bytes, ...(progress.sender === undefined ? {} : { sender: progress.sender }) });
    });
    // Whichever fails first ends the other, and its error is the one that says why.
    const unpacked = unpacking.result.catch((error: unknown) => {
      throw ofLayer(error, blob);
    });
    const result = Promise.all([unpacked, download]).then(([made]) => made);
    const left = (): void => unpacking[Symbol.dispose]();
    signal.addEventListener("abort", left, { once: true });
    try {
      return await result;
    } catch (error) {
      unpacking[Symbol.dispose]();
      throw error;
    } finally {
      signal.removeEventListener("abort", left);
      leave.abort();
      await Promise.allSettled([unpacked, download]);
    }
  }

  async #inherit(wish: LayerWish, aside: HostPath, unpacked: UnpackResult, signal: AbortSignal): Promise<UnpackResult> {
    if (unpacked.implicit.length === 0 && unpacked.whiteouts.length === 0) return unpacked;
    const directory = joinHostPath(aside, layerNames.tree);
    const lowerDirs = this.#lowerDirs(wish);
    const { rewritten, removedInodes } = await this.#workers.inherit(directory, unpacked, lowerDirs);
    if (rewritten.length === 0) return { ...unpacked, inodes: unpacked.inodes - removedInodes };
    signal.throwIfAborted();
    await this.#workers.remove(aside, layerNames.tree);
    const job = this.#unpack(wish.blob, directory, rewritten);
    job.advance(wish.blob.sizeBytes, true);
    const again = await job.result.catch((error: unknown) => {
      throw ofLayer(error, wish.blob);
    });
    const settled = await this.#workers.inherit(directory, again, lowerDirs);
    return { ...again, inodes: again.inodes - settled.removedInodes };
  }

  async #clear(aside: HostPath): Promise<void> {
    for (const name of Object.values(layerNames)) await this.#workers.remove(aside, name);
  }

  #lowerDirs(wish: LayerWish): HostPath[] {
    return wish.below.map((chainId) => this.#layers.lowerDir(chainId)).reverse();
  }

  #unpack(blob: Descriptor, directory: HostPath, rewritten: Rewritten): UnpackJob {
    return this.#workers.unpack({ blobPaths: this.#blobPaths(blob), directory, rewritten, limits: this.#limits });
  }

  /** In this order: a blob moves from the first place to the second, never back. */
  #blobPaths(blob: Descriptor): readonly HostPath[] {
    return [this.#content.ingestPath(blob.digest), this.#content.path(blob.digest)];
  }
}

/** Of a layer kept as an archive: that, its index, and the name of its root. */
const archiveInodes = 3;

function checkDiffId(wish: LayerWish, found: string): void {
  if (found === wish.diffId) return;
  throw new CribError("data-loss", `layer ${wish.blob.digest} unpacks to ${found}, its image says ${wish.diffId}`);
}

/** What is wrong with an archive, with the layer it is about. */
function ofLayer(error: unknown, blob: Descriptor): unknown {
  const isAboutArchive = CribError.is(error, "data-loss") || CribError.is(error, "failed-precondition");
  return isAboutArchive ? new CribError(error.code, `layer ${blob.digest}: ${error.message}`, { cause: error }) : error;
}
