import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { failedPrecondition } from "../errors/crib-error.ts";
import { hasErrno } from "../errors/has-errno.ts";
import type { Clock } from "../observe/clock.ts";
import { LineSplitter } from "./line-splitter.ts";
import { type LogLine, parseLogLine } from "./parse-log-line.ts";
import { tailOffset } from "./tail-offset.ts";

export interface ReadLogOptions {
  /** Begin with the last so many lines; undefined: at the beginning. */
  readonly tail: number | undefined;
  /** Go on after the end of the file until this aborts; what is there by then is still read. undefined: stop at the end. */
  readonly follow: AbortSignal | undefined;
}

const blockBytes = 64 * 1024;
/** How long a line may lie in the file before a follower shows it. */
const pollMs = 20;

/**
 * Reads a container's log file, in batches of at most 64 KiB of file. Follows a rotation: when the path names another
 * file, the old one is read to its end first. A batch's lines are valid until the next batch is asked for.
 *
 * Polling is deliberate: inotify tells nothing on some network filesystems, is a scarce resource on busy nodes, and a
 * `read` at the end of a file costs a microsecond.
 */
export async function* readLog(
  path: string,
  clock: Clock,
  options: ReadLogOptions,
): AsyncGenerator<readonly LogLine[]> {
  const { follow } = options;
  const block = Buffer.allocUnsafe(blockBytes);
  using file = new FollowedFile();
  if (follow === undefined) file.open(path);
  else while (!file.tryOpen(path) && (await clock.sleep(pollMs, follow)));
  if (!file.isOpen) return;
  if (options.tail !== undefined) file.skipTo(tailOffset(file.fd, file.size(), options.tail));

  const splitter = new LineSplitter();
  for (;;) {
    // Taken before the read: what was written before the abort is found by it.
    const last = follow === undefined || follow.aborted;
    const length = file.read(block);
    const lines: LogLine[] = [];
    const keep = (line: Uint8Array): void => {
      const parsed = parseLogLine(line);
      if (parsed !== undefined) lines.push(parsed);
    };
    splitter.push(block.subarray(0, length), keep);
    if (length === 0 && last) splitter.end(keep);
    if (lines.length > 0) yield lines;
    if (length > 0) continue;
    if (file.reopenIfReplaced(path)) continue;
    if (last) return;
    await clock.sleep(pollMs, follow);
  }
}

/** One log file and how far it has been read. */
class FollowedFile implements Disposable {
  #fd = -1;
  #inode = -1;
  #offset = 0;

  get fd(): number {
    return this.#fd;
  }

  get isOpen(): boolean {
    return this.#fd >= 0;
  }

  /** @throws {CribError} failed-precondition for what the monitor writes no log to. */
  open(path: string): void {
    const fd = openLog(path);
    this[Symbol.dispose]();
    this.#fd = fd;
    this.#inode = fstatSync(fd).ino;
    this.#offset = 0;
  }

  /** The file may not be there yet, or not just now: between the two steps of a rotation. */
  tryOpen(path: string): boolean {
    try {
      this.open(path);
      return true;
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return false;
      throw error;
    }
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  skipTo(offset: number): void {
    this.#offset = offset;
  }

  read(into: Buffer): number {
    const length = readSync(this.#fd, into, 0, into.length, this.#offset);
    this.#offset += length;
    return length;
  }

  /** Call at the end of the file only: the rest of a replaced file would be lost. */
  reopenIfReplaced(path: string): boolean {
    try {
      const now = lstatSync(path);
      if (now.ino === this.#inode && now.size >= this.#offset) return false;
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return false;
      throw error;
    }
    return this.tryOpen(path);
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

/**
 * A pod that has the directory of logs as a volume can put a link there, to another's log, or a fifo, which would be waited at
 * for ever.
 */
function openLog(path: string): number {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let fd = -1;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (!hasErrno(error, "ELOOP")) throw error;
  }
  if (fd >= 0 && fstatSync(fd).isFile()) return fd;
  if (fd >= 0) closeSync(fd);
  throw failedPrecondition(`log ${path} is no regular file: somebody else has put a link or a pipe in its place`);
}
