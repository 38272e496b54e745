import { unlink } from "node:fs/promises";
import { CribError, unavailable } from "../../errors/crib-error.ts";
import { isFull } from "../../errors/is-full.ts";
import type { Digest } from "../../ids/digest.ts";
import type { Fd } from "../../ids/process.ts";
import type { Clock } from "../../observe/clock.ts";
import type { LayerSender } from "../port.ts";
import type { Descriptor } from "../pull/manifest.ts";
import { SharedTasks } from "../pull/shared-tasks.ts";
import type { BlobBody } from "../registry/open-blob.ts";
import type { DirectBody } from "../registry/open-directly.ts";
import type { BlobSource } from "../registry/repository.ts";
import type { ContentStore, Ingest } from "./content-store.ts";
import type { DownloadSlots } from "./download-slots.ts";

/** Bytes of the blob on disk so far; the file is whole and verified once the download resolves. */
export type DownloadProgress =
  | { readonly kind: "waiting"; readonly sender?: LayerSender }
  | { readonly kind: "available"; readonly bytes: number; readonly sender?: LayerSender };

/** Breaks in a row without a byte between them before a download gives up. */
const maxFruitlessAttempts = 4;
const maxAttempts = 50;
const firstPauseMs = 200;
/** Less than this between two breaks is no progress: a server that drips would be asked for ever. */
const progressBytes = 64 * 1024;
/** So much of what came is lost at most when the daemon is killed. */
const writeBytes = 64 * 1024;

/** Fetches blobs into the store: each once at a time, some at a time, going on where a connection broke. */
export class BlobDownloads {
  readonly #store: ContentStore;
  readonly #slots: DownloadSlots;
  readonly #clock: Clock;
  readonly #running = new SharedTasks<Digest, void, DownloadProgress>({ joinersRetry: true });

  constructor(store: ContentStore, slots: DownloadSlots, clock: Clock) {
    this.#store = store;
    this.#slots = slots;
    this.#clock = clock;
  }

  isRunning(digest: Digest): boolean {
    return this.#running.has(digest);
  }

  /**
   * Resolves when the blob is in the store.
   * @param firstAttempt more than 0 asks another server first: what the first one sent was wrong.
   * @throws {CribError} data-loss for a wrong digest or size, else as the registry's answer has it.
   */
  async fetch(
    blob: Descriptor,
    from: BlobSource,
    firstAttempt: number,
    signal: AbortSignal,
    listen: (progress: DownloadProgress) => void,
  ): Promise<void> {
    if (await this.#store.isWhole(blob.digest)) {
      listen({ kind: "available", bytes: blob.sizeBytes });
      return;
    }
    await this.#running.run(
      blob.digest,
      signal,
      (shared, emit) => this.#download(blob, from, firstAttempt, shared, emit),
      listen,
    );
  }

  async #download(
    blob: Descriptor,
    from: BlobSource,
    firstAttempt: number,
    signal: AbortSignal,
    emit: (progress: DownloadProgress) => void,
  ): Promise<void> {
    emit({ kind: "waiting" });
    using _slot = await this.#slots.acquire(from.registry, signal);
    const ingest = await this.#store.openIngest(blob.digest, blob.sizeBytes);
    try {
      emit({ kind: "available", bytes: ingest.offset });
      await this.#untilWhole(blob, from, ingest, firstAttempt, signal, emit);
      await this.#store.commit(ingest);
    } catch (error) {
      if (CribError.is(error, "data-loss")) await unlink(ingest.path).catch(() => undefined);
      throw error;
    } finally {
      await ingest.file.close();
    }
  }

  async #untilWhole(
    blob: Descriptor,
    from: BlobSource,
    ingest: Ingest,
    firstAttempt: number,
    signal: AbortSignal,
    emit: (progress: DownloadProgress) => void,
  ): Promise<void> {
    let fruitless = 0;
    for (let attempt = firstAttempt; ingest.offset < blob.sizeBytes; attempt++) {
      const before = ingest.offset;
      try {
        await this.#receive(blob, from, ingest, attempt, signal, emit);
      } catch (error) {
        if (!CribError.is(error, "unavailable")) throw error;
        fruitless = ingest.offset - before >= progressBytes ? 0 : fruitless + 1;
        if (fruitless === maxFruitlessAttempts || attempt >= maxAttempts) throw error;
        const pauseMs = firstPauseMs * 2 ** fruitless * (0.75 + Math.random() / 2);
        if (!(await this.#clock.sleep(pauseMs, signal))) signal.throwIfAborted();
      }
    }
  }

  async #receive(
    blob: Descriptor,
    from: BlobSource,
    ingest: Ingest,
    attempt: number,
    signal: AbortSignal,
    emit: (progress: DownloadProgress) => void,
  ): Promise<void> {
    const body = await from.blobInto(ingest.file.fd as Fd, blob, ingest.offset, attempt, signal);
    const sender: LayerSender = { origin: body.origin, isMirror: body.isMirror };
    const tell = (progress: DownloadProgress): void => emit({ ...progress, sender });
    if ("receiver" in body) await this.#take(from, ingest, body, signal, tell);
    else await this.#write(blob, from, ingest, body, signal, tell);
    if (ingest.offset === blob.sizeBytes) return;
    const short = `blob ${blob.digest} from ${body.origin} broke off at byte ${ingest.offset} of ${blob.sizeBytes}`;
    from.failed(body.origin, short);
    // A server that announced all of it lost its connection; one that did not has said all it had, and that was not the blob.
    throw "receiver" in body || body.isAnnounced ? unavailable(short) : new CribError("data-loss", short);
  }

  /** By the process that has the connection. */
  async #take(
    from: BlobSource,
    ingest: Ingest,
    body: DirectBody,
    signal: AbortSignal,
    emit: (progress: DownloadProgress) => void,
  ): Promise<void> {
    const [start, skip] = [ingest.offset, ingest.offset - body.startByte];
    try {
      const { offset, digest } = await body.receiver.take(skip, body.bodyBytes - skip, start, signal, (reached) => {
        ingest.offset = reached;
        emit({ kind: "available", bytes: reached });
      });
      ingest.offset = offset;
      ingest.hash.received(offset, digest);
      emit({ kind: "available", bytes: offset });
    } catch (error) {
      // Whatever it wrote before the break is good.
      ingest.offset = (await ingest.file.stat()).size;
      if (CribError.is(error, "unavailable")) from.failed(body.origin, error.message);
      throw CribError.is(error, "resource-exhausted") ? noRoom(ingest, error) : error;
    }
  }

  /** By this process, piece by piece. */
  async #write(
    blob: Descriptor,
    from: BlobSource,
    ingest: Ingest,
    body: BlobBody,
    signal: AbortSignal,
    emit: (progress: DownloadProgress) => void,
  ): Promise<void> {
    signal.throwIfAborted();
    await ingest.hash.catchUp(ingest.offset);
    // A server without ranges sends it all again; what is on disk is skipped, the digest tells if it was the same.
    let skip = ingest.offset - body.startByte;
    const pending: Uint8Array[] = [];
    let pendingBytes = 0;
    const flush = async (): Promise<void> => {
      if (pendingBytes === 0) return;
      const bytes = pending.length === 1 && pending[0] !== undefined ? pending[0] : Buffer.concat(pending);
      pending.length = 0;
      pendingBytes = 0;
      await writeAll(ingest, bytes);
      ingest.hash.update(bytes);
      ingest.offset += bytes.length;
      emit({ kind: "available", bytes: ingest.offset });
    };
    try {
      for await (const piece of body.pieces) {
        const fresh = skip >= piece.length ? piece.subarray(piece.length) : piece.subarray(skip);
        skip -= piece.length - fresh.length;
        if (ingest.offset + pendingBytes + fresh.length > blob.sizeBytes) {
          throw new CribError(
            "data-loss",
            `blob ${blob.digest} from ${body.origin} is longer than its ${blob.sizeBytes} bytes`,
          );
        }
        pending.push(fresh);
        pendingBytes += fresh.length;
        if (pendingBytes >= writeBytes) await flush();
      }
    } catch (error) {
      // What arrived before the break is good: keep it and go on from there.
      if (CribError.is(error, "unavailable")) {
        await flush();
        from.failed(body.origin, error.message);
      }
      throw error;
    }
    await flush();
  }
}

async function writeAll(ingest: Ingest, bytes: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await ingest.file.write(bytes, at, bytes.length - at);
      at += bytesWritten;
    }
  } catch (error) {
    throw isFull(error) ? noRoom(ingest, error) : error;
  }
}

function noRoom({ digest, path }: Ingest, cause: unknown): CribError {
  return new CribError("resource-exhausted", `no room for blob ${digest} on the file system of ${path}`, { cause });
}
