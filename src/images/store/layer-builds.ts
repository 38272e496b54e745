import { mkdir } from "node:fs/promises";
import { CribError } from "../../errors/crib-error.ts";
import type { ChainId, DiffId } from "../../ids/digest.ts";
import { type HostPath, joinHostPath } from "../../ids/path.ts";
import type { UnpackResult } from "../../layers/apply-messages.ts";
import type { LayerLimits } from "../../layers/layer-limits.ts";
import type { LayerWorkers, UnpackJob } from "../../layers/layer-workers.ts";
import type { Log } from "../../observe/log.ts";
import type { BlobDownloads } from "../content/blob-downloads.ts";
import type { ContentStore } from "../content/content-store.ts";
import type { LayerPhase } from "../port.ts";
import type { Descriptor } from "../pull/manifest.ts";
import { SharedTasks } from "../pull/shared-tasks.ts";
import type { BlobSource } from "../registry/repository.ts";
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
    limits: LayerLimits,
    log: Log,
  ) {
    this.#content = content;
    this.#layers = layers;
    this.#downloads = downloads;
    this.#workers = workers;
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
        await this.#content.invalidate(wish.blob.digest);
        wish.from.wrong(wish.blob.digest, error.message);
        if (attempt === 1 || signal.aborted) throw error;
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
      const unpacked = await this.#downloadAndUnpack(wish, joinHostPath(aside, "fs"), attempt, signal, emit);
      if (unpacked.diffId !== wish.diffId) {
        throw new CribError(
          "data-loss",
          `layer ${wish.blob.digest} unpacks to ${unpacked.diffId}, its image says ${wish.diffId}`,
        );
      }
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
      emit({ phase: "done", doneBytes: wish.blob.sizeBytes });
    } catch (error) {
      await this.#workers.remove(this.#layers.ingestDirectory, name);
      throw error;
    } finally {
      this.active.delete(name);
    }
  }

  async #downloadAndUnpack(
    wish: LayerWish,
    directory: HostPath,
    attempt: number,
    signal: AbortSignal,
    emit: (progress: LayerProgress) => void,
  ): Promise<UnpackResult> {
    const { blob } = wish;
    const leave = new AbortController();
    const started = Promise.withResolvers<UnpackJob>();
    let job: UnpackJob | undefined;
    const download = this.#downloads.fetch(
      blob,
      wish.from,
      attempt,
      AbortSignal.any([signal, leave.signal]),
      (progress) => {
        if (progress.kind === "waiting") return emit({ phase: "waiting", doneBytes: 0 });
        job ??= this.#unpack(blob, directory, []);
        started.resolve(job);
        const whole = progress.bytes === blob.sizeBytes;
        job.advance(progress.bytes, whole);
        emit({ phase: whole ? "unpacking" : "downloading", doneBytes: progress.bytes });
      },
    );
    const unpacking = started.promise
      .then((running) => running.result)
      .catch((error: unknown) => {
        throw ofLayer(error, blob);
      });
    // Whichever fails first ends the other, and its error is the one that says why.
    const result = Promise.all([unpacking, download]).then(([unpacked]) => unpacked);
    try {
      return await result;
    } finally {
      leave.abort();
      job?.cancel();
      started.reject(new CribError("cancelled", "the download ended before unpacking began"));
      await Promise.allSettled([unpacking, download]);
    }
  }

  async #inherit(wish: LayerWish, aside: HostPath, unpacked: UnpackResult, signal: AbortSignal): Promise<UnpackResult> {
    if (unpacked.implicit.length === 0 && unpacked.whiteouts.length === 0) return unpacked;
    const directory = joinHostPath(aside, "fs");
    const lowerDirs = wish.below.map((chainId) => this.#layers.lowerDir(chainId)).reverse();
    const { rewritten, removedInodes } = await this.#workers.inherit(directory, unpacked, lowerDirs);
    if (rewritten.length === 0) return { ...unpacked, inodes: unpacked.inodes - removedInodes };
    signal.throwIfAborted();
    await this.#workers.remove(aside, "fs");
    const job = this.#unpack(wish.blob, directory, rewritten);
    job.advance(wish.blob.sizeBytes, true);
    const again = await job.result.catch((error: unknown) => {
      throw ofLayer(error, wish.blob);
    });
    const settled = await this.#workers.inherit(directory, again, lowerDirs);
    return { ...again, inodes: again.inodes - settled.removedInodes };
  }

  #unpack(blob: Descriptor, directory: HostPath, rewritten: Rewritten): UnpackJob {
    // In this order: a blob moves from the first place to the second, never back.
    const blobPaths = [this.#content.ingestPath(blob.digest), this.#content.path(blob.digest)];
    return this.#workers.unpack({ blobPaths, directory, rewritten, limits: this.#limits });
  }
}

/** What is wrong with an archive, with the layer it is about. */
function ofLayer(error: unknown, blob: Descriptor): unknown {
  const isAboutArchive = CribError.is(error, "data-loss") || CribError.is(error, "failed-precondition");
  return isAboutArchive ? new CribError(error.code, `layer ${blob.digest}: ${error.message}`, { cause: error }) : error;
}
