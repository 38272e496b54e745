import { CribError } from "../../errors/crib-error.ts";
import type { HostPath } from "../../ids/path.ts";
import { spaceOf } from "./space-of.ts";

/** Asking for each piece would cost more than writing it. */
const askEveryBytes = 16 * 1024 * 1024;

/** Keeps some of a file system free below what is written there piece by piece: a full disk is told before it is full. */
export class RoomKeeper {
  readonly #directory: HostPath;
  readonly #minFreeBytes: number;
  readonly #space: typeof spaceOf;
  #unaskedBytes = askEveryBytes;

  /** @param space what the kernel says, unless a test does. */
  constructor(directory: HostPath, minFreeBytes: number, space = spaceOf) {
    this.#directory = directory;
    this.#minFreeBytes = minFreeBytes;
    this.#space = space;
  }

  /** Before `bytes` are written. @throws {CribError} resource-exhausted when less than the floor is left. */
  async ensure(bytes: number): Promise<void> {
    this.#unaskedBytes += bytes;
    if (this.#unaskedBytes < askEveryBytes) return;
    this.#unaskedBytes = 0;
    const { freeBytes } = await this.#space(this.#directory);
    if (freeBytes >= this.#minFreeBytes) return;
    throw new CribError(
      "resource-exhausted",
      `only ${freeBytes} bytes are free on the file system of ${this.#directory}, and ${this.#minFreeBytes} are kept free: remove images with crib rmi --unused, or make room`,
    );
  }
}
