import { mkdir, readdir, rename, stat } from "node:fs/promises";
import { isMissing } from "../../errors/is-missing.ts";
import { isDigest } from "../../ids/digest.ts";
import { type HostPath, joinHostPath } from "../../ids/path.ts";
import type { UnixNanos } from "../../ids/units.ts";
import type { LayerWorkers } from "../../layers/layer-workers.ts";

export interface DamagedItem {
  readonly kind: "blob" | "layer";
  readonly digest: string;
  readonly bytes: number;
}

export interface KeptDamage extends DamagedItem {
  readonly name: string;
  readonly changedAtNs: UnixNanos;
}

/**
 * What turned out damaged, in `<root>/damaged`: out of the way, there to be looked at, and for containers that still have a layer in
 * it the same files as before. A name says what it was: `layer-sha256-<hex>-<bytes>-<uuid>`.
 */
export class DamagedStore {
  readonly #directory: HostPath;
  readonly #workers: Pick<LayerWorkers, "remove">;

  constructor(root: HostPath, workers: Pick<LayerWorkers, "remove">) {
    this.#directory = joinHostPath(root, "damaged");
    this.#workers = workers;
  }

  /** Moves `path` here. What is not there any more is no damage to keep. */
  async take(path: HostPath, { kind, digest, bytes }: DamagedItem): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const name = `${kind}-${digest.replace(":", "-")}-${bytes}-${crypto.randomUUID()}`;
    try {
      await rename(path, joinHostPath(this.#directory, name));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async list(): Promise<readonly KeptDamage[]> {
    const kept: KeptDamage[] = [];
    for (const name of await this.#names()) {
      const [, kind, algorithm, hex, bytes] = /^(blob|layer)-([a-z0-9]+)-([0-9a-f]+)-(\d{1,15})-/.exec(name) ?? [];
      const digest = `${algorithm}:${hex}`;
      if (!isDigest(digest)) continue;
      const { ctimeMs } = await stat(joinHostPath(this.#directory, name));
      const changedAtNs = (BigInt(Math.trunc(ctimeMs)) * 1_000_000n) as UnixNanos;
      kept.push({ kind: kind === "blob" ? "blob" : "layer", digest, bytes: Number(bytes), name, changedAtNs });
    }
    return kept;
  }

  async remove(name: string): Promise<void> {
    await this.#workers.remove(this.#directory, name);
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.#directory);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }
}
