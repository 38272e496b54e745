import { statfs } from "node:fs/promises";
import { CribError } from "../../errors/crib-error.ts";
import type { HostPath } from "../../ids/path.ts";

/** Asking for each piece would cost more than writing it. */
const askEveryBytes = 16 * 1024 * 1024;

async function freeBytesOf(directory: HostPath): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

/** Keeps some of a file system free below what is written there piece by piece: a full disk is told before it is full. */
export class RoomKeeper {
  readonly #directory: HostPath;
  readonly #minFreeBytes: number;
  readonly #freeBytes: (directory: HostPath) => Promise<number>;
  #unaskedBytes = askEveryBytes;

  /** @param freeBytes what the kernel says, unless a test does. */
  constructor(directory: HostPath, minFreeBytes: number, freeBytes = freeBytesOf) {
    this.#directory = directory;
    this.#minFreeBytes = minFreeBytes;
    this.#freeBytes = freeBytes;
  }

  /** Before `bytes` are written. @throws {CribError} resource-exhausted when less than the floor is left. */
  async ensure(bytes: number): Promise<void> {
    this.#unaskedBytes += bytes;
    if (this.#unaskedBytes < askEveryBytes) return;
    this.#unaskedBytes = 0;
    const free = await this.#freeBytes(this.#directory);
    if (free >= this.#minFreeBytes) return;
    throw new CribError(
      "resource-exhausted",
      `only ${free} bytes are free on the file system of ${this.#directory}, and ${this.#minFreeBytes} are kept free: remove images with crib rmi --unused, or make room`,
    );
  }
}
