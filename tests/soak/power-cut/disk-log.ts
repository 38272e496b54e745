import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import type { Random } from "../../harness/random.ts";

interface DiskWrite {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What is written between two barriers may reach the disk in any order, and in part. */
interface Epoch {
  /** Where in the log it ends. */
  readonly end: number;
  readonly writes: readonly DiskWrite[];
}

/** Kinds of `struct record` in recorded-disk.c. */
const kinds = { write: 1, flush: 2 } as const;
const recordBytes = 16;
/** What a disk writes whole or not at all; half a superblock is for fsck, not for crib. */
const sectorBytes = 4096;

/** The writes of a recorded disk, cut at its barriers; barriers with nothing between them are one. */
export function readDiskLog(path: string): readonly Epoch[] {
  const log = readFileSync(path);
  const epochs: Epoch[] = [];
  let writes: DiskWrite[] = [];
  for (let at = 0; at < log.length; ) {
    const [kind, length, offset] = [
      log.readUInt32LE(at),
      log.readUInt32LE(at + 4),
      Number(log.readBigUInt64LE(at + 8)),
    ];
    at += recordBytes;
    if (kind === kinds.flush) {
      if (writes.length > 0) epochs.push({ end: at, writes });
      writes = [];
      continue;
    }
    writes.push({ offset, bytes: log.subarray(at, at + length) });
    at += length;
  }
  if (writes.length > 0) epochs.push({ end: log.length, writes });
  return epochs;
}

/** The image of a disk as it grows, barrier by barrier. */
export class ReplayedDisk implements Disposable {
  readonly path: string;
  readonly #fd: number;

  constructor(path: string, bytes: number) {
    this.path = path;
    this.#fd = openSync(path, "w");
    writeSync(this.#fd, new Uint8Array(1), 0, 1, bytes - 1);
  }

  apply(writes: readonly DiskWrite[]): void {
    for (const { offset, bytes } of writes) writeSync(this.#fd, bytes, 0, bytes.length, offset);
  }

  /** Some of the writes that a cut caught on their way, whole or up to a sector's end. @returns what takes them back. */
  tear(writes: readonly DiskWrite[], random: Random): Disposable {
    const before: DiskWrite[] = [];
    for (const { offset, bytes } of writes) {
      if (random.next() < 0.5) continue;
      const kept =
        random.next() < 0.25
          ? bytes.subarray(0, sectorBytes * Math.floor(random.between(0, bytes.length / sectorBytes)))
          : bytes;
      if (kept.length === 0) continue;
      before.push({ offset, bytes: this.#read(offset, kept.length) });
      writeSync(this.#fd, kept, 0, kept.length, offset);
    }
    return { [Symbol.dispose]: () => this.apply(before.toReversed()) };
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #read(offset: number, length: number): Uint8Array {
    const fd = openSync(this.path, "r");
    try {
      const bytes = new Uint8Array(length);
      readSync(fd, bytes, 0, length, offset);
      return bytes;
    } finally {
      closeSync(fd);
    }
  }
}
