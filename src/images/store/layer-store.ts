import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { z } from "zod";
import { type ChainId, type DiffId, isDigest } from "../../ids/digest.ts";
import { type HostPath, joinHostPath } from "../../ids/path.ts";
import type { LayerWorkers } from "../../layers/layer-workers.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import { syncDirectory } from "../content/content-store.ts";
import type { ImageRecords, LayerRecord } from "./image-records.ts";

/** Kept beside the unpacked files, so that a layer renamed just before a crash can be recorded after it. */
const labelSchema = z.object({
  version: z.literal(1),
  diffId: z.string().refine(isDigest),
  diskBytes: z.int().min(0),
  inodes: z.int().min(0),
});
const labelName = "layer.json";

export interface LayerFacts {
  readonly diffId: DiffId;
  readonly diskBytes: number;
  readonly inodes: number;
}

/**
 * Unpacked layers by chain id: `layers/sha256/<hex>/fs` is a lower directory for overlayfs. `layers/ingest` holds what is
 * being unpacked, `layers/trash` what is being deleted; both are emptied at start.
 */
export class LayerStore {
  readonly directory: HostPath;
  readonly ingestDirectory: HostPath;
  readonly #trash: HostPath;
  readonly #records: ImageRecords;
  readonly #workers: LayerWorkers;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #layers = new Map<ChainId, LayerRecord>();
  #totalBytes = 0;
  #totalInodes = 0;

  constructor(root: HostPath, records: ImageRecords, workers: LayerWorkers, clock: Clock, log: Log) {
    this.directory = joinHostPath(root, "layers");
    this.ingestDirectory = joinHostPath(this.directory, "ingest");
    this.#trash = joinHostPath(this.directory, "trash");
    this.#records = records;
    this.#workers = workers;
    this.#clock = clock;
    this.#log = log;
  }

  get layers(): ReadonlyMap<ChainId, LayerRecord> {
    return this.#layers;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  get totalInodes(): number {
    return this.#totalInodes;
  }

  /** Brings rows and directories together; a row without its directory is no layer. */
  async open(layers: readonly LayerRecord[]): Promise<void> {
    for (const name of ["ingest", "trash", "sha256"])
      await mkdir(joinHostPath(this.directory, name), { recursive: true, mode: 0o700 });
    const recorded = new Map(layers.map((layer) => [layer.chainId, layer]));
    const onDisk = await readdir(joinHostPath(this.directory, "sha256"));
    for (const name of onDisk) {
      const digest = `sha256:${name}`;
      if (!isDigest(digest)) continue;
      const chainId = digest as ChainId;
      const layer = recorded.get(chainId) ?? (await this.#adopt(chainId));
      if (layer !== undefined) this.#remember(layer);
    }
    for (const layer of layers) {
      if (!this.#layers.has(layer.chainId))
        this.#log.warn(
          { layer: layer.chainId },
          "an unpacked layer is missing on disk: its images must be pulled again",
        );
    }
  }

  has(chainId: ChainId): boolean {
    return this.#layers.has(chainId);
  }

  /** The overlay lower directory of a layer. */
  lowerDir(chainId: ChainId): HostPath {
    return joinHostPath(this.#path(chainId), "fs");
  }

  /**
   * Makes an unpacked directory a layer: label, one sync for all its files, rename, directory sync, row.
   * @param aside `layers/ingest/<name>`, with the files in `fs`.
   */
  async commit(chainId: ChainId, aside: HostPath, facts: LayerFacts): Promise<void> {
    await writeFile(joinHostPath(aside, labelName), JSON.stringify({ version: 1, ...facts }), { mode: 0o600 });
    await this.#workers.syncfs(aside);
    const parent = joinHostPath(this.directory, "sha256");
    // Nothing recorded is there; what an interrupted delete left behind would be.
    await this.#workers.remove(parent, this.#name(chainId));
    await rename(aside, this.#path(chainId));
    await syncDirectory(parent);
    this.#record({ chainId, ...facts, createdAtNs: this.#clock.now() });
  }

  /** Row first: from then on the directory is garbage whatever happens. Deleting the files may take a while. */
  async delete(chainId: ChainId): Promise<void> {
    const layer = this.#layers.get(chainId);
    this.#records.deleteLayer(chainId);
    if (layer === undefined) return;
    this.#layers.delete(chainId);
    this.#totalBytes -= layer.diskBytes;
    this.#totalInodes -= layer.inodes;
    const name = crypto.randomUUID();
    await rename(this.#path(chainId), joinHostPath(this.#trash, name));
    await this.#workers.remove(this.#trash, name);
  }

  /** Removes what crashes left in `trash` and, but for the names in `active`, in `ingest`. */
  async sweep(active: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#trash)) await this.#workers.remove(this.#trash, name);
    for (const name of await readdir(this.ingestDirectory)) {
      if (!active.has(name)) await this.#workers.remove(this.ingestDirectory, name);
    }
  }

  async #adopt(chainId: ChainId): Promise<LayerRecord | undefined> {
    try {
      const label = labelSchema.parse(JSON.parse(await readFile(joinHostPath(this.#path(chainId), labelName), "utf8")));
      const layer = {
        chainId,
        diffId: label.diffId as DiffId,
        diskBytes: label.diskBytes,
        inodes: label.inodes,
        createdAtNs: this.#clock.now(),
      };
      this.#records.putLayer(layer);
      return layer;
    } catch (error) {
      this.#log.warn(
        { layer: chainId, error: String(error) },
        "a layer directory without a row or a readable label is removed",
      );
      const name = crypto.randomUUID();
      await rename(this.#path(chainId), joinHostPath(this.#trash, name));
      return undefined;
    }
  }

  #record(layer: LayerRecord): void {
    this.#records.putLayer(layer);
    this.#remember(layer);
  }

  #remember(layer: LayerRecord): void {
    this.#layers.set(layer.chainId, layer);
    this.#totalBytes += layer.diskBytes;
    this.#totalInodes += layer.inodes;
  }

  #name(chainId: ChainId): string {
    return chainId.slice("sha256:".length);
  }

  #path(chainId: ChainId): HostPath {
    return joinHostPath(this.directory, "sha256", this.#name(chainId));
  }
}
