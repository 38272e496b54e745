import { type FileHandle, mkdir, open, readdir, rename, rm, stat, truncate } from "node:fs/promises";
import { CribError } from "../../errors/crib-error.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import { isFull } from "../../errors/is-full.ts";
import { isMissing } from "../../errors/is-missing.ts";
import { type Digest, isDigest } from "../../ids/digest.ts";
import { type HostPath, joinHostPath } from "../../ids/path.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { DamagedStore } from "../check/damaged-store.ts";
import type { Pace } from "../check/pace.ts";
import type { StoreProblem } from "../port.ts";
import { type Durability, digestOfFile } from "../store/durability.ts";
import type { BlobRecord, ImageRecords } from "../store/image-records.ts";
import { IngestHash } from "./ingest-hash.ts";
import { NewBlob } from "./new-blob.ts";

/** A blob on its way in: bytes before `offset` are in its file. */
export interface Ingest {
  readonly digest: Digest;
  readonly path: HostPath;
  readonly file: FileHandle;
  readonly hash: IngestHash;
  offset: number;
}

/**
 * Blobs by digest: `content/sha256/<hex>`, whole and verified; `content/ingest/…`, on their way. A digest was
 * parsed before it got here, so its hex is a safe file name.
 */
export class ContentStore {
  readonly directory: HostPath;
  readonly ingestDirectory: HostPath;
  readonly #records: ImageRecords;
  readonly #durability: Durability;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #blobs = new Map<Digest, BlobRecord>();
  #totalBytes = 0;

  constructor(root: HostPath, records: ImageRecords, durability: Durability, clock: Clock, log: Log) {
    this.directory = joinHostPath(root, "content");
    this.ingestDirectory = joinHostPath(this.directory, "ingest");
    this.#records = records;
    this.#durability = durability;
    this.#log = log;
    this.#clock = clock;
  }

  /** Brings rows and files together: a file renamed just before a crash gets its row, a row without its file is no blob. */
  async open(blobs: readonly BlobRecord[]): Promise<void> {
    await mkdir(this.ingestDirectory, { recursive: true, mode: 0o700 });
    // What has no digest for a name cannot be gone on with.
    for (const name of await readdir(this.ingestDirectory))
      if (!isDigest(name.replace("-", ":"))) await rm(joinHostPath(this.ingestDirectory, name), { force: true });
    const recorded = new Map(blobs.map((blob) => [blob.digest, blob]));
    for (const algorithm of ["sha256", "sha512"]) {
      const directory = joinHostPath(this.directory, algorithm);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      for (const name of await readdir(directory)) {
        const digest = `${algorithm}:${name}`;
        if (!isDigest(digest)) continue;
        const blob = recorded.get(digest);
        if (!(await this.#isSound(digest))) continue;
        if (blob !== undefined) this.#remember(blob);
        else this.#record({ digest, sizeBytes: (await stat(this.path(digest))).size, createdAtNs: this.#clock.now() });
      }
    }
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  get blobs(): ReadonlyMap<Digest, BlobRecord> {
    return this.#blobs;
  }

  path(digest: Digest): HostPath {
    return joinHostPath(this.directory, ...digest.split(":"));
  }

  ingestPath(digest: Digest): HostPath {
    return joinHostPath(this.ingestDirectory, digest.replace(":", "-"));
  }

  /** Opens what an earlier attempt left of a blob, or an empty file. */
  async openIngest(digest: Digest, maxBytes: number): Promise<Ingest> {
    const path = this.ingestPath(digest);
    const file = await open(path, "a+", 0o600);
    try {
      let offset = (await file.stat()).size;
      if (offset > maxBytes) {
        await truncate(path, 0);
        offset = 0;
      }
      return { digest, path, file, hash: new IngestHash(digest, path), offset };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Verifies, renames, records. The bytes reach the disk soon after; until they are marked as being there, a boot verifies them.
   * @throws {CribError} data-loss when the bytes are not those of the digest; they are deleted.
   */
  async commit(ingest: Ingest): Promise<void> {
    const { digest, path, hash, offset } = ingest;
    const found = await hash.digestOf(offset);
    if (found !== digest) {
      await rm(path, { force: true });
      throw new CribError("data-loss", `blob ${digest} arrived as ${found}`);
    }
    await rename(path, this.path(digest));
    this.#durability.settle(this.path(digest));
    this.#record({ digest, sizeBytes: offset, createdAtNs: this.#clock.now() });
  }

  /** A blob whose digest is not known yet; what a crash leaves of it is deleted when the store is opened. */
  async create(algorithm: "sha256" | "sha512"): Promise<NewBlob> {
    return await NewBlob.create(joinHostPath(this.ingestDirectory, `new-${crypto.randomUUID()}`), algorithm);
  }

  /** Takes it as `digest`, which the caller had of it. */
  async take(blob: NewBlob, digest: Digest): Promise<void> {
    if (await this.isWhole(digest)) return;
    await rename(blob.path, this.path(digest));
    blob.taken();
    this.#durability.settle(this.path(digest));
    this.#record({ digest, sizeBytes: blob.size, createdAtNs: this.#clock.now() });
  }

  /** Stores a small blob whose digest the caller computed from the very bytes. */
  async put(digest: Digest, bytes: Uint8Array): Promise<void> {
    if (await this.isWhole(digest)) return;
    const path = `${this.ingestPath(digest)}.${crypto.randomUUID()}`;
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(bytes);
    } catch (error) {
      await rm(path, { force: true });
      if (!isFull(error)) throw error;
      throw new CribError("resource-exhausted", `no room for blob ${digest} on the file system of ${this.directory}`, {
        cause: error,
      });
    } finally {
      await file.close();
    }
    await rename(path, this.path(digest));
    this.#durability.settle(this.path(digest));
    this.#record({ digest, sizeBytes: bytes.length, createdAtNs: this.#clock.now() });
  }

  async delete(digest: Digest): Promise<void> {
    const blob = this.#blobs.get(digest);
    if (blob !== undefined) {
      this.#records.deleteBlob(digest);
      this.#blobs.delete(digest);
      this.#totalBytes -= blob.sizeBytes;
    }
    await rm(this.path(digest), { force: true });
  }

  /** What is wrong with a blob that should be here; undefined for one that is what its digest says. */
  async problem(digest: Digest, pace: Pace): Promise<StoreProblem | undefined> {
    const blob = this.#blobs.get(digest);
    try {
      const { size } = await stat(this.path(digest));
      if (blob !== undefined && size !== blob.sizeBytes) return "wrong-size";
      return (await digestOfFile(algorithmOf(digest), this.path(digest), pace)) === digest ? undefined : "wrong-digest";
    } catch (error) {
      return isMissing(error) ? "missing" : "unreadable";
    }
  }

  /** Moves a damaged blob away; its row stays, for images name it. */
  async setAside(digest: Digest, damaged: DamagedStore): Promise<void> {
    const blob = this.#blobs.get(digest);
    this.#blobs.delete(digest);
    this.#totalBytes -= blob?.sizeBytes ?? 0;
    await damaged.take(this.path(digest), { kind: "blob", digest, bytes: blob?.sizeBytes ?? 0 });
  }

  /** Takes the bytes of a blob that turned out wrong, whole or on their way; its row stays, for images name it. */
  async invalidate(digest: Digest): Promise<void> {
    await rm(this.ingestPath(digest), { force: true });
    await rm(this.path(digest), { force: true });
  }

  /** Whether the recorded blob is on the disk with its size; bytes are checked when they are used. */
  async isWhole(digest: Digest): Promise<boolean> {
    const blob = this.#blobs.get(digest);
    if (blob === undefined) return false;
    try {
      return (await stat(this.path(digest))).size === blob.sizeBytes;
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return false;
      throw error;
    }
  }

  /** False for a blob that a power cut damaged: it is gone then, and its image pulled again when it is needed. */
  async #isSound(digest: Digest): Promise<boolean> {
    const path = this.path(digest);
    const verdict = await this.#durability.verdictOf(path);
    if (verdict === "durable") return true;
    if (verdict === "suspect" && (await digestOfFile(algorithmOf(digest), path)) !== digest) {
      this.#log.warn({ blob: digest }, "a blob did not outlive the last boot whole: it is deleted");
      await rm(path, { force: true });
      return false;
    }
    this.#durability.settle(path);
    return true;
  }

  #record(blob: BlobRecord): void {
    this.#records.putBlob(blob);
    this.#remember(blob);
  }

  #remember(blob: BlobRecord): void {
    this.#totalBytes += blob.sizeBytes - (this.#blobs.get(blob.digest)?.sizeBytes ?? 0);
    this.#blobs.set(blob.digest, blob);
  }
}

function algorithmOf(digest: Digest): "sha256" | "sha512" {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}
