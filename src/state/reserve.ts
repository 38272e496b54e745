import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { hasErrno } from "../errors/has-errno.ts";
import { isFull } from "../errors/is-full.ts";
import { isMissing } from "../errors/is-missing.ts";
import type { HostPath } from "../ids/path.ts";
import { joinHostPath } from "../ids/path.ts";
import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";
import { sqliteFailure } from "./sqlite-failure.ts";

const pollMs = 5_000;
/** A busy disk takes a third of a second for all of it, and nobody waits for that. */
const pieceBytes = 1 << 20;
/** The reserve never takes more than this part of what is free. */
const partOfFree = 8;

export interface ReserveSize {
  readonly bytes: number;
  readonly inodes: number;
}

/**
 * Space and inodes set aside on a file system, below `<directory>/reserve`, and given up in need: on a full disk what frees
 * space (stop, remove, the end of a container) must still be able to write a few pages. It is made again when space returns.
 */
export class Reserve implements Disposable {
  readonly #directory: HostPath;
  readonly #size: ReserveSize;
  readonly #log: Log;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #closed = new AbortController();
  #renewing = false;

  constructor(
    directory: HostPath,
    size: ReserveSize,
    { log, clock }: { readonly log: Log; readonly clock: Pick<Clock, "sleep"> },
  ) {
    this.#directory = joinHostPath(directory, "reserve");
    this.#size = size;
    this.#log = log;
    this.#clock = clock;
  }

  /** Sets aside what is missing, as far as there is plenty. @returns whether all of it is there now. */
  async prepare(): Promise<boolean> {
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      const present = new Set(readdirSync(this.#directory));
      const { bavail, bsize, ffree, files } = statfsSync(this.#directory);
      const rich = bavail * bsize >= this.#size.bytes * partOfFree;
      // Some file systems make inodes as they need them, and count none.
      const manyInodes = files === 0 || ffree >= this.#size.inodes * partOfFree;
      if (!rich || !manyInodes) return present.size > this.#size.inodes;
      for (let index = 0; index < this.#size.inodes; index++) {
        if (!present.has(`inode-${index}`)) this.#makeInode(`inode-${index}`);
      }
      if (!present.has("bytes")) await this.#makeBytes();
      return true;
    } catch (error) {
      // Missing: it was given up while it was made.
      if (isFull(error) || isMissing(error)) return false;
      this.#log.warn({ directory: this.#directory, error: String(error) }, "no space set aside for a full disk");
      return true;
    }
  }

  /** Gives it all up. @returns whether there was anything to give. */
  release(): boolean {
    let names: readonly string[];
    try {
      names = readdirSync(this.#directory);
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return false;
      throw error;
    }
    if (names.length === 0) return false;
    for (const name of names) rmSync(joinHostPath(this.#directory, name), { force: true });
    this.#log.warn({ directory: this.#directory }, "no space left: the reserve is given up; free some");
    this.#renew();
    return true;
  }

  /** Runs a write that must not fail for want of space: once more after the reserve is given up. */
  insist<Result>(write: () => Result): Result {
    try {
      return write();
    } catch (error) {
      const kind = sqliteFailure(error);
      const perhapsFull = isFull(error) || kind === "full" || kind === "refused";
      if (!perhapsFull || !this.release()) throw error;
      return write();
    }
  }

  [Symbol.dispose](): void {
    this.#closed.abort();
  }

  #makeInode(name: string): void {
    writeFileSync(joinHostPath(this.#directory, name), "", { mode: 0o600 });
  }

  /** Under another name until it is whole. Who gives the reserve up meanwhile takes that too, and nothing is left to be renamed. */
  async #makeBytes(): Promise<void> {
    const path = joinHostPath(this.#directory, "bytes.part");
    try {
      await using file = await open(path, "w", 0o600);
      // Zeros are written, not left out: a hole would set nothing aside.
      const piece = new Uint8Array(pieceBytes);
      for (let left = this.#size.bytes; left > 0; left -= pieceBytes)
        await file.writeFile(piece.subarray(0, Math.min(left, pieceBytes)));
      await rename(path, joinHostPath(this.#directory, "bytes"));
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }

  #renew(): void {
    if (this.#renewing) return;
    this.#renewing = true;
    const renew = async () => {
      while (await this.#clock.sleep(pollMs, this.#closed.signal)) {
        if (!(await this.prepare())) continue;
        this.#log.info({ directory: this.#directory }, "space has returned: the reserve is made again");
        break;
      }
      this.#renewing = false;
    };
    renew().catch((error: unknown) => this.#log.warn({ err: error }, "the reserve is not made again"));
  }
}
