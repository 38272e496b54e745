import { rmSync } from "node:fs";
import { mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { type ChainId, isDigest } from "../../../ids/digest.ts";
import { type HostPath, joinHostPath, parseHostPath } from "../../../ids/path.ts";
import type { Fd } from "../../../ids/process.ts";
import type { Kernel } from "../../../kernel/port.ts";
import type { LayerWorkers } from "../../../layers/layer-workers.ts";
import type { Clock } from "../../../observe/clock.ts";
import type { Log } from "../../../observe/log.ts";
import type { DamagedStore } from "../../check/damaged-store.ts";
import type { Pace } from "../../check/pace.ts";
import type { StoreProblem } from "../../port.ts";
import { type Durability, newFileMode } from "../durability.ts";
import type { ImageRecords, LayerRecord } from "../image-records.ts";
import { isThere, type LayerFacts, labelName, labelText, readLabelledLayer } from "./layer-label.ts";
import { layerNames } from "./layer-names.ts";
import { LayerProofs } from "./layer-proofs.ts";

/**
 * Layers by chain id, in `layers/sha256/<hex>`, where `fs` is a directory that overlayfs takes as a lower one; or a link to one, where
 * the layer is an archive and its index: this process keeps that mounted, attached nowhere, for as long as the layer is there.
 * `layers/ingest` holds what is being unpacked, `layers/trash` what is being deleted; both are emptied at start.
 */
export class LayerStore implements Disposable {
  readonly directory: HostPath;
  readonly ingestDirectory: HostPath;
  readonly #trash: HostPath;
  readonly #records: ImageRecords;
  readonly #workers: LayerWorkers;
  readonly #kernel: Pick<Kernel, "close" | "getpid">;
  readonly #durability: Durability;
  readonly #proofs: LayerProofs;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #layers = new Map<ChainId, LayerRecord>();
  /** The roots of mounted layers. */
  readonly #mounts = new Map<ChainId, Fd>();
  /** Mounted layers whose link could not be made, because the file system has no inode left. */
  readonly #withoutLink = new Set<ChainId>();
  #totalBytes = 0;
  #totalInodes = 0;

  constructor(
    root: HostPath,
    records: ImageRecords,
    workers: LayerWorkers,
    kernel: Pick<Kernel, "close" | "getpid">,
    durability: Durability,
    clock: Clock,
    log: Log,
  ) {
    this.directory = joinHostPath(root, "layers");
    this.ingestDirectory = joinHostPath(this.directory, "ingest");
    this.#trash = joinHostPath(this.directory, "trash");
    this.#records = records;
    this.#workers = workers;
    this.#kernel = kernel;
    this.#durability = durability;
    this.#proofs = new LayerProofs(workers, durability, log);
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
    for (const name of await readdir(joinHostPath(this.directory, "sha256"))) {
      const digest = `sha256:${name}`;
      if (!isDigest(digest)) continue;
      const chainId = digest as ChainId;
      const layer = recorded.get(chainId) ?? (await this.#adopt(chainId));
      if (layer !== undefined && (await this.#isSound(layer)) && (await this.#mountFound(chainId)))
        this.#remember(layer);
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

  /**
   * The overlay lower directory of a layer: the same for as long as the layer is there and for every mount. The dot is for those that
   * look without following links.
   */
  lowerDir(chainId: ChainId): HostPath {
    const tree = this.#treePath(chainId);
    const mount = this.#mounts.get(chainId);
    if (mount === undefined) return tree;
    return joinHostPath(this.#withoutLink.has(chainId) ? this.#descriptorPath(mount) : tree, ".");
  }

  /** The archive that a layer is kept as; undefined for one that is a directory. */
  archivePath(chainId: ChainId): HostPath | undefined {
    return this.#mounts.has(chainId) ? joinHostPath(this.#path(chainId), layerNames.archive) : undefined;
  }

  /** Mounts the archive in `layer` and names its root there. @throws what the kernel says when it does not. */
  async mount(layer: HostPath): Promise<Fd> {
    const mount = await this.#mountArchive(layer);
    try {
      await this.#link(layer, mount);
      return mount;
    } catch (error) {
      await this.#workers.close(mount);
      throw error;
    }
  }

  #mountArchive = (layer: HostPath): Promise<Fd> =>
    this.#workers.mount(joinHostPath(layer, layerNames.index), joinHostPath(layer, layerNames.archive));

  /** Not made aside: it needs no inode more than there was, and where it fails nothing is left that leads to another process. */
  async #link(layer: HostPath, mount: Fd): Promise<void> {
    const tree = joinHostPath(layer, layerNames.tree);
    await rm(tree, { force: true });
    await symlink(this.#descriptorPath(mount), tree);
  }

  /** What is attached nowhere has no name but its descriptor's. */
  #descriptorPath(mount: Fd): HostPath {
    return parseHostPath(`/proc/${this.#kernel.getpid()}/fd/${mount}`);
  }

  /**
   * Makes an unpacked directory, or an archive that was mounted, a layer: label, rename, row. The mount is the store's from then on.
   * The files reach the disk soon after; until the label is marked, a boot verifies them.
   * @param aside `layers/ingest/<name>`, with what `layerNames` says.
   */
  async commit(chainId: ChainId, aside: HostPath, facts: LayerFacts, mount?: Fd): Promise<void> {
    await writeFile(joinHostPath(aside, labelName), labelText(facts), { mode: newFileMode });
    const parent = joinHostPath(this.directory, "sha256");
    // Nothing recorded is there; what an interrupted delete left behind would be.
    await this.#workers.remove(parent, this.#name(chainId));
    await rename(aside, this.#path(chainId));
    this.#durability.settle(this.#labelPath(chainId));
    if (mount !== undefined) this.#mounts.set(chainId, mount);
    const { diffId, diskBytes, inodes } = facts;
    this.#record({ chainId, diffId, diskBytes, inodes, createdAtNs: this.#clock.now() });
    if (mount === undefined) this.#proofs.readLater(this.#path(chainId));
  }

  /** Row first: from then on the directory is garbage whatever happens. Deleting the files may take a while. */
  async delete(chainId: ChainId): Promise<void> {
    const layer = this.#layers.get(chainId);
    this.#records.deleteLayer(chainId);
    if (layer === undefined) return;
    this.#forget(layer);
    const name = crypto.randomUUID();
    await rename(this.#path(chainId), joinHostPath(this.#trash, name));
    await this.#unmount(chainId);
    await this.#workers.remove(this.#trash, name);
  }

  /** What is wrong with a layer that should be here; undefined for one that is as it was made. */
  async problem(chainId: ChainId, pace: Pace): Promise<StoreProblem | undefined> {
    const layer = this.#layers.get(chainId);
    return layer === undefined ? "missing" : await this.#proofs.problem(this.#path(chainId), layer.diffId, pace);
  }

  /** Moves a damaged layer away; its row stays, for images name it. Containers that have it keep it. */
  async setAside(chainId: ChainId, damaged: DamagedStore): Promise<void> {
    const layer = this.#layers.get(chainId);
    if (layer === undefined) return;
    this.#forget(layer);
    await damaged.take(this.#path(chainId), { kind: "layer", digest: chainId, bytes: layer.diskBytes });
    await this.#unmount(chainId);
  }

  /** Removes what crashes left in `trash` and, but for the names in `active`, in `ingest`. */
  async sweep(active: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#trash)) await this.#workers.remove(this.#trash, name);
    for (const name of await readdir(this.ingestDirectory))
      if (!active.has(name)) await this.#workers.remove(this.ingestDirectory, name);
  }

  /** Gives the mounts back, and their names first: the number of this process may be anybody's before the next opens the store. */
  [Symbol.dispose](): void {
    for (const [chainId, mount] of this.#mounts) {
      rmSync(this.#treePath(chainId), { force: true });
      this.#kernel.close(mount);
    }
    this.#mounts.clear();
  }

  /** Containers that have it as a layer of theirs keep it: an overlay holds its own mounts. */
  async #unmount(chainId: ChainId): Promise<void> {
    const mount = this.#mounts.get(chainId);
    this.#withoutLink.delete(chainId);
    if (mount === undefined) return;
    this.#mounts.delete(chainId);
    await this.#workers.close(mount);
  }

  /** False for a layer that a power cut may have damaged: an archive proves itself, a directory cannot. */
  async #isSound({ chainId, diffId }: LayerRecord): Promise<boolean> {
    const verdict = await this.#durability.verdictOf(this.#labelPath(chainId));
    if (verdict === "suspect" && !(await this.#proofs.isProven(this.#path(chainId), diffId))) {
      this.#log.warn(
        { layer: chainId },
        "a layer did not outlive the last boot whole: its images must be pulled again",
      );
      await rename(this.#path(chainId), joinHostPath(this.#trash, crypto.randomUUID()));
      return false;
    }
    if (verdict !== "durable") this.#durability.settle(this.#labelPath(chainId));
    return true;
  }

  /** False for an archive that this kernel does not mount: then it is no layer here. A directory needs nothing. */
  async #mountFound(chainId: ChainId): Promise<boolean> {
    const path = this.#path(chainId);
    if (!(await isThere(joinHostPath(path, layerNames.index)))) return true;
    let mount: Fd;
    try {
      mount = await this.#mountArchive(path);
    } catch (error) {
      const why = { layer: chainId, error: String(error) };
      this.#log.warn(why, "a layer cannot be mounted: its images must be pulled again");
      // It leads to a process that is gone. A process that has its number now would decide what containers of that name start with.
      await rm(this.#treePath(chainId), { force: true });
      return false;
    }
    this.#mounts.set(chainId, mount);
    try {
      await this.#link(path, mount);
    } catch (error) {
      // The layer is there all the same: on a full disk no image may be lost (F06).
      this.#withoutLink.add(chainId);
      this.#log.warn({ layer: chainId, error: String(error) }, "a mounted layer has no link of its own");
    }
    return true;
  }

  async #adopt(chainId: ChainId): Promise<LayerRecord | undefined> {
    try {
      const layer = { chainId, ...(await readLabelledLayer(this.#labelPath(chainId))), createdAtNs: this.#clock.now() };
      this.#records.putLayer(layer);
      return layer;
    } catch (error) {
      const why = { layer: chainId, error: String(error) };
      this.#log.warn(why, "a layer directory without a row or a readable label is removed");
      await rename(this.#path(chainId), joinHostPath(this.#trash, crypto.randomUUID()));
      return undefined;
    }
  }

  #treePath(chainId: ChainId): HostPath {
    return joinHostPath(this.#path(chainId), layerNames.tree);
  }

  #labelPath(chainId: ChainId): HostPath {
    return joinHostPath(this.#path(chainId), labelName);
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

  #forget({ chainId, diskBytes, inodes }: LayerRecord): void {
    this.#layers.delete(chainId);
    this.#totalBytes -= diskBytes;
    this.#totalInodes -= inodes;
  }

  #name(chainId: ChainId): string {
    return chainId.slice("sha256:".length);
  }

  #path(chainId: ChainId): HostPath {
    return joinHostPath(this.directory, "sha256", this.#name(chainId));
  }
}
