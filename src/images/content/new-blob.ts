import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import type { Digest } from "../../ids/digest.ts";
import type { HostPath } from "../../ids/path.ts";

/** A blob that comes before its digest is known: its bytes in a file of its own until the store takes it, or it is disposed of. */
export class NewBlob implements AsyncDisposable {
  readonly path: HostPath;
  readonly #file: FileHandle;
  readonly #algorithm: "sha256" | "sha512";
  readonly #hash: Hash;
  #size = 0;
  #taken = false;
  #start = new Uint8Array(0);

  private constructor(path: HostPath, file: FileHandle, algorithm: "sha256" | "sha512") {
    this.path = path;
    this.#file = file;
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  static async create(path: HostPath, algorithm: "sha256" | "sha512"): Promise<NewBlob> {
    return new NewBlob(path, await open(path, "wx", 0o600), algorithm);
  }

  get size(): number {
    return this.#size;
  }

  /** Its first bytes: they tell how it is compressed. */
  get start(): Uint8Array {
    return this.#start;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at);
      at += bytesWritten;
    }
    this.#hash.update(bytes);
    this.#size += bytes.length;
    if (this.#start.length < 8) this.#start = Buffer.concat([this.#start, bytes.subarray(0, 8)]);
  }

  /** Of all that was written; nothing may be written after. */
  digest(): Digest {
    return `${this.#algorithm}:${this.#hash.digest("hex")}` as Digest;
  }

  /** The file is somebody else's from now on. */
  taken(): void {
    this.#taken = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    if (!this.#taken) await rm(this.path, { force: true });
  }
}
