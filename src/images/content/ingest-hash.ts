import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Digest } from "../../ids/digest.ts";
import type { HostPath } from "../../ids/path.ts";

/** The digest of a blob's file as far as it has come. This process hashes it, or the one that receives it. */
export class IngestHash {
  readonly #algorithm: "sha256" | "sha512";
  readonly #path: HostPath;
  #hash: Hash;
  #hashed = 0;
  #received: { readonly offset: number; readonly digest: string } | undefined;

  constructor(digest: Digest, path: HostPath) {
    this.#algorithm = digest.startsWith("sha512:") ? "sha512" : "sha256";
    this.#path = path;
    this.#hash = createHash(this.#algorithm);
  }

  /** The next bytes, which are in the file or on their way there. Everything before them was hashed by `catchUp`. */
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#hashed += bytes.length;
  }

  /** Hashes what the file holds below `offset` and is not hashed yet. */
  async catchUp(offset: number): Promise<void> {
    if (this.#hashed > offset) {
      this.#hash = createHash(this.#algorithm);
      this.#hashed = 0;
    }
    if (this.#hashed === offset) return;
    const range = { start: this.#hashed, end: offset - 1, highWaterMark: 1024 * 1024 };
    for await (const piece of createReadStream(this.#path, range)) this.update(piece);
  }

  /** What another process found the first `offset` bytes to be. */
  received(offset: number, digest: string): void {
    this.#received = { offset, digest };
  }

  async digestOf(offset: number): Promise<string> {
    if (this.#received?.offset === offset) return this.#received.digest;
    await this.catchUp(offset);
    return `${this.#algorithm}:${this.#hash.copy().digest("hex")}`;
  }
}
