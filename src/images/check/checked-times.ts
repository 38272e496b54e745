import { readFile, rename, writeFile } from "node:fs/promises";
import { z } from "zod";
import { type HostPath, joinHostPath, parseHostPath } from "../../ids/path.ts";
import type { Log } from "../../observe/log.ts";

const fileSchema = z.record(z.string(), z.number());

/** When each part of the store was last read, in `<root>/checked.json`: a daemon that is restarted goes on where it was. */
export class CheckedTimes {
  readonly #path: HostPath;
  readonly #log: Log;
  #times = new Map<string, number>();

  constructor(root: HostPath, log: Log) {
    this.#path = joinHostPath(root, "checked.json");
    this.#log = log;
  }

  async load(): Promise<void> {
    try {
      this.#times = new Map(Object.entries(fileSchema.parse(JSON.parse(await readFile(this.#path, "utf8")))));
    } catch (error) {
      // It is read again sooner than it must be.
      this.#log.debug({ error: String(error) }, "nothing says when the image store was last checked");
    }
  }

  /** Milliseconds since the epoch; 0 for what was never read. */
  of(digest: string): number {
    return this.#times.get(digest) ?? 0;
  }

  async set(digest: string, atMs: number): Promise<void> {
    this.#times.set(digest, atMs);
    const aside = parseHostPath(`${this.#path}.new`);
    try {
      await writeFile(aside, JSON.stringify(Object.fromEntries(this.#times)), { mode: 0o600 });
      await rename(aside, this.#path);
    } catch (error) {
      this.#log.debug({ error: String(error) }, "when the image store was checked cannot be written down");
    }
  }

  keepOnly(digests: readonly string[]): void {
    const known = new Set(digests);
    for (const digest of this.#times.keys()) if (!known.has(digest)) this.#times.delete(digest);
  }
}
