import { rename, writeFile } from "node:fs/promises";
import { isMissing } from "../../../errors/is-missing.ts";
import type { DiffId } from "../../../ids/digest.ts";
import { type HostPath, joinHostPath, parseHostPath } from "../../../ids/path.ts";
import type { LayerWorkers } from "../../../layers/layer-workers.ts";
import type { Log } from "../../../observe/log.ts";
import type { Pace } from "../../check/pace.ts";
import type { StoreProblem } from "../../port.ts";
import { type Durability, digestOfFile, newFileMode } from "../durability.ts";
import { type LayerFacts, labelName, labelText, readLabel } from "./layer-label.ts";
import { layerNames } from "./layer-names.ts";

type Label = Awaited<ReturnType<typeof readLabel>>;

/** Whether layers are what they were when they were made. Paths are those of `layers/sha256/<hex>`. */
export class LayerProofs {
  readonly #workers: Pick<LayerWorkers, "fingerprint">;
  readonly #durability: Pick<Durability, "settle">;
  readonly #log: Log;
  /** Directories being read: two that wrote a label at once would take each other's for a missing one. */
  readonly #reading = new Map<HostPath, Promise<void>>();

  constructor(workers: Pick<LayerWorkers, "fingerprint">, durability: Pick<Durability, "settle">, log: Log) {
    this.#workers = workers;
    this.#durability = durability;
    this.#log = log;
  }

  /** Undefined for a layer that is whole. A directory that was never read is taken as it is, and known from then on. */
  async problem(layer: HostPath, diffId: DiffId, pace: Pace): Promise<StoreProblem | undefined> {
    try {
      const label = await readLabel(joinHostPath(layer, labelName));
      if (label.indexDigest === undefined) return await this.#directoryProblem(layer, label, pace);
      const index = await digestOfFile("sha256", joinHostPath(layer, layerNames.index), pace);
      if (index !== label.indexDigest) return "wrong-digest";
      const archive = await digestOfFile("sha256", joinHostPath(layer, layerNames.archive), pace);
      return archive === diffId ? undefined : "wrong-digest";
    } catch (error) {
      this.#log.debug({ layer, error: String(error) }, "a layer cannot be verified");
      return isMissing(error) ? "missing" : "unreadable";
    }
  }

  /** Whether an archive is what its label says. A directory proves nothing: not all of it is in its digest. */
  async isProven(layer: HostPath, diffId: DiffId): Promise<boolean> {
    try {
      const { indexDigest } = await readLabel(joinHostPath(layer, labelName));
      return indexDigest !== undefined && (await this.problem(layer, diffId, () => Promise.resolve())) === undefined;
    } catch (error) {
      this.#log.debug({ layer, error: String(error) }, "a layer that cannot be read is not whole");
      return false;
    }
  }

  /** Reads a directory that was made just now, and writes down what it holds, after the pull was answered. */
  readLater(layer: HostPath): void {
    this.#read(layer).catch((error: unknown) =>
      this.#log.debug({ layer, error: String(error) }, "a layer's directory was not read: it is at its first check"),
    );
  }

  async #directoryProblem(layer: HostPath, label: Label, pace: Pace): Promise<StoreProblem | undefined> {
    if (label.treeDigest === undefined) {
      await this.#read(layer);
      return undefined;
    }
    const found = await this.#workers.fingerprint(joinHostPath(layer, layerNames.tree));
    await pace(label.diskBytes);
    return found === label.treeDigest ? undefined : "wrong-digest";
  }

  #read(layer: HostPath): Promise<void> {
    const running = this.#reading.get(layer);
    if (running !== undefined) return running;
    const reading = this.#readAlone(layer).finally(() => this.#reading.delete(layer));
    this.#reading.set(layer, reading);
    return reading;
  }

  /** Until its new label is marked, the layer counts as not synced. */
  async #readAlone(layer: HostPath): Promise<void> {
    const treeDigest = await this.#workers.fingerprint(joinHostPath(layer, layerNames.tree));
    const path = joinHostPath(layer, labelName);
    const { version: _version, ...facts } = await readLabel(path);
    const aside = parseHostPath(`${path}.new`);
    const text = labelText({ ...facts, diffId: facts.diffId as DiffId, treeDigest } as LayerFacts);
    await writeFile(aside, text, { mode: newFileMode });
    await rename(aside, path);
    this.#durability.settle(path);
  }
}
