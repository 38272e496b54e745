import { createHash } from "node:crypto";
import { createReadStream, existsSync, rmSync } from "node:fs";
import { chmod, mkdir, open, readFile, rename, stat, writeFile } from "node:fs/promises";
import { hasErrno } from "../../errors/has-errno.ts";
import { type HostPath, joinHostPath } from "../../ids/path.ts";
import type { LayerWorkers } from "../../layers/layer-workers.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";

/** Whoever writes a file of the store makes it so; without the owner's write bit it is known to be on the disk. */
export const newFileMode = 0o600;
const durableFileMode = 0o400;
const ownerWrites = 0o200;

/** Long enough for a pull's layers to share a sync, and for the sync not to be in the pull's way. */
const quietMs = 1_000;

/** What is known of a file that is there: on the disk, written in this boot, or perhaps torn by a power cut. */
export type Verdict = "durable" | "pending" | "suspect";

/**
 * Which files of the store are on the disk for good. A pull is answered before its bytes are: what it wrote is marked only after a
 * sync, so that a file without a mark, after a boot that was not clean, is verified or thrown away, and never passes for a good one
 * (docs/decisions/0126-durable-after-the-answer.md).
 *
 * The mark is the file's mode: it cannot outlive the file, and no file system puts it on the disk before what was synced first.
 */
export class Durability implements Disposable {
  readonly #root: HostPath;
  readonly #workers: LayerWorkers;
  readonly #bootId: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stopped = new AbortController();
  #pending = new Set<HostPath>();
  #settling: Promise<void> | undefined;
  #unmarked: Verdict | "legacy" = "suspect";
  #unclean = false;

  constructor(root: HostPath, workers: LayerWorkers, bootId: string, clock: Clock, log: Log) {
    this.#root = root;
    this.#workers = workers;
    this.#bootId = bootId;
    this.#clock = clock;
    this.#log = log;
  }

  /** Learns what a missing mark means. A store of a crib that synced before it answered knows no marks. */
  async open(): Promise<void> {
    try {
      const before = (await readFile(this.#bootFile, "utf8")).trim();
      this.#unmarked = before === this.#bootId ? "pending" : "suspect";
      this.#unclean = before !== this.#bootId && existsSync(this.#runningFile);
    } catch (error) {
      if (!hasErrno(error, "ENOENT")) throw error;
      this.#unmarked = "legacy";
    }
  }

  /** Once everything that was found is judged: from now on, in this boot, what has no mark is just not synced yet. */
  async opened(): Promise<void> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    // On a full disk the next boot just looks less closely.
    await writeFile(this.#runningFile, "", { mode: newFileMode }).catch((error: unknown) =>
      this.#log.warn({ error: String(error) }, "an end of this boot that is not in good order will not be noticed"),
    );
    if (this.#unmarked === "pending") return;
    this.#unmarked = "pending";
    const aside = joinHostPath(this.#root, "boot.new");
    const file = await open(aside, "w", newFileMode);
    try {
      await file.writeFile(`${this.#bootId}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, this.#bootFile);
    const directory = await open(this.#root, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  /** @param path a file whose mode is the mark of all that is to be judged with it. Where it is missing, that is suspect. */
  async verdictOf(path: HostPath): Promise<Verdict> {
    const mode = await modeOf(path);
    if (mode === undefined) return "suspect";
    if ((mode & ownerWrites) === 0) return "durable";
    if (this.#unmarked !== "legacy") return this.#unmarked;
    await chmod(path, durableFileMode);
    return "durable";
  }

  /** Syncs what was written, soon, and then marks it by `path`. */
  settle(path: HostPath): void {
    this.#pending.add(path);
    this.#settling ??= this.#settleAll().finally(() => {
      this.#settling = undefined;
    });
  }

  /** Whether the boot before this one ended while a daemon ran: by a power cut, or a kernel that died. */
  get unclean(): boolean {
    return this.#unclean;
  }

  [Symbol.dispose](): void {
    this.#stopped.abort();
    rmSync(this.#runningFile, { force: true });
  }

  get #runningFile(): HostPath {
    return joinHostPath(this.#root, "running");
  }

  get #bootFile(): HostPath {
    return joinHostPath(this.#root, "boot");
  }

  async #settleAll(): Promise<void> {
    while (this.#pending.size > 0 && !this.#stopped.signal.aborted) {
      for (let before = -1; before !== this.#pending.size; ) {
        before = this.#pending.size;
        if (!(await this.#clock.sleep(quietMs, this.#stopped.signal))) return;
      }
      const paths = this.#pending;
      this.#pending = new Set();
      try {
        await this.#workers.syncfs(this.#root);
        for (const path of paths) await mark(path);
      } catch (error) {
        // Without their marks they are verified after the next boot: slower, not worse.
        this.#log.warn({ error: String(error) }, "what was pulled could not be synced");
      }
    }
  }
}

async function modeOf(path: HostPath): Promise<number | undefined> {
  try {
    return (await stat(path)).mode;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** What was deleted meanwhile needs no mark. */
async function mark(path: HostPath): Promise<void> {
  try {
    await chmod(path, durableFileMode);
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
  }
}

/** `ALGORITHM:HEX` of a file's bytes. @param pace waits after each piece, for who has time. */
export async function digestOfFile(
  algorithm: "sha256" | "sha512",
  path: HostPath,
  pace: (bytes: number) => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  const hash = createHash(algorithm);
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    hash.update(piece);
    await pace(piece.length);
  }
  return `${algorithm}:${hash.digest("hex")}`;
}
