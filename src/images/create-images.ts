import type { Database } from "bun:sqlite";
import { mkdir } from "node:fs/promises";
import type { Config } from "../config/config.ts";
import { notFound } from "../errors/crib-error.ts";
import type { ImageId } from "../ids/digest.ts";
import { type HostPath, joinHostPath } from "../ids/path.ts";
import type { Kernel } from "../kernel/port.ts";
import { defaultLayerLimits, type LayerLimits } from "../layers/layer-limits.ts";
import { createLayerWorkers, type LayerWorkers } from "../layers/layer-workers.ts";
import { LayerProcesses } from "../layers/native/layer-processes.ts";
import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";
import type { Reserve } from "../state/reserve.ts";
import { ImageArchives } from "./archive/image-archives.ts";
import { BackgroundCheck } from "./check/background-check.ts";
import { CheckedTimes } from "./check/checked-times.ts";
import { DamagedStore } from "./check/damaged-store.ts";
import { StoreChecks } from "./check/store-checks.ts";
import { BlobDownloads } from "./content/blob-downloads.ts";
import { collectGarbage, deleteContents, type GarbageStores } from "./content/collect-garbage.ts";
import { ContentStore } from "./content/content-store.ts";
import { DownloadSlots } from "./content/download-slots.ts";
import { blobsOf, layersOf } from "./content/image-parts.ts";
import { listLeftovers, removeLeftovers } from "./content/leftovers.ts";
import { Pins } from "./content/pins.ts";
import type {
  CheckStep,
  Image,
  ImageAccounts,
  ImageBlob,
  ImageLayer,
  Images,
  Leftover,
  PullEvent,
  PullRequest,
  PullUnderWay,
  SecurityProfiles,
} from "./port.ts";
import { ProfileFiles } from "./profiles/profile-files.ts";
import { PulledProfiles } from "./profiles/security-profiles.ts";
import { Puller } from "./pull/puller.ts";
import { requestSecret } from "./registry/credentials/request-secret.ts";
import { hostPlatform } from "./registry/host-platform.ts";
import { type HostFailure, HostHealth } from "./registry/hosts/host-health.ts";
import { openRepository } from "./registry/open-repository.ts";
import type { Platform } from "./registry/platform.ts";
import { builtinName, makeBuiltinImage } from "./store/builtin-image.ts";
import { Durability } from "./store/durability.ts";
import { ImageCatalogue } from "./store/image-catalogue.ts";
import { ImageFiles } from "./store/image-files.ts";
import { ImageRecords } from "./store/image-records.ts";
import { LayerBuilds } from "./store/layers/layer-builds.ts";
import { LayerKinds } from "./store/layers/layer-kinds.ts";
import { LayerStore } from "./store/layers/layer-store.ts";
import { createPinnedMatcher } from "./store/pinned-images.ts";
import { readAccounts } from "./store/read-accounts.ts";
import { restoreImages } from "./store/restore-images.ts";
import { migrateImages } from "./store/schema.ts";

/** A node has fewer images in use; account files may be megabytes. */
const maxCachedAccounts = 256;

export interface ImagesOptions {
  /** Below it `content` and `layers` are made, mode 0700. */
  readonly root: HostPath;
  /** Open, WAL, synchronous=FULL; the image tables are made and migrated here. */
  readonly database: Database;
  /** Given up to remove images from a full disk. */
  readonly room: Pick<Reserve, "insist">;
  readonly kernel: Kernel;
  /** Of this boot (`/proc/sys/kernel/random/boot_id`). */
  readonly bootId: string;
  readonly config: Pick<Config, "registry" | "images">;
  readonly log: Log;
  readonly clock: Clock;
  /** Whether plain HTTP goes through a proxy. */
  readonly httpProxy?: boolean;
  /** Default: this machine's. */
  readonly platform?: Platform;
  readonly limits?: LayerLimits;
}

/** The image service of a daemon, with what only the composition root needs of it. */
export interface ImageService extends Images, Disposable {
  /** Makes `crib.local/hello` around the program if it is not there. From then on pulling it needs no network. */
  ensureBuiltinImage(helloElf: Uint8Array): Promise<Image>;
  /** For a configuration that is read again. @throws {CribError} invalid-argument naming what cannot be a reference. */
  prepareReload(next: Pick<Config, "registry" | "images">): () => void;
  /** From now on reads the store slowly, and mends it: soon where the last boot did not end in good order. */
  checkInBackground(): void;
  /** Holders of `acquireRootfs`, those of a former run of the daemon included: release what no longer exists. */
  holders(): readonly string[];
}

/** Opens the image store: brings disk and rows together, then serves. Garbage is collected when asked. */
export async function createImages(options: ImagesOptions): Promise<ImageService> {
  const { root, database, log, clock, config } = options;
  await mkdir(root, { recursive: true, mode: 0o700 });
  migrateImages(database);
  const files = new ImageFiles(root, log);
  const records = new ImageRecords(database, files, options.room);
  const workers = createLayerWorkers();
  const durability = new Durability(root, workers, options.bootId, clock, log);
  const processes = new LayerProcesses(options.kernel);
  const content = new ContentStore(root, records, durability, clock, log);
  const layers = new LayerStore(root, records, workers, options.kernel, durability, clock, log);
  await durability.open();
  const saved = records.loadAll();
  await content.open(saved.blobs);
  await layers.open(saved.layers);
  await durability.opened();
  const index = new ImageCatalogue(records, createPinnedMatcher(config.images.pinned), (image) =>
    image.chainIds.every((id) => layers.has(id)),
  );
  const configPath = (id: ImageId): HostPath => content.path(id);
  const { images, references } = await restoreImages({ records, files, configPath, log }, saved);
  for (const { id, error } of index.open(images, references, saved.holders))
    log.warn({ image: id, error: error.message }, "the stored config of an image cannot be read, it is not listed");
  const { maxConcurrentDownloads, maxConcurrentDownloadsPerRegistry } = config.registry;
  const slots = new DownloadSlots(maxConcurrentDownloads, maxConcurrentDownloadsPerRegistry);
  const downloads = new BlobDownloads(content, slots, clock);
  const kinds = new LayerKinds(config, log);
  const limits = options.limits ?? defaultLayerLimits;
  const builds = new LayerBuilds(content, layers, downloads, workers, processes, kinds, limits, log);
  const damaged = new DamagedStore(root, workers);
  const stores = { damaged, content, layers, downloads, slots, builds, index, pins: new Pins(), clock };
  const profileWorld = {
    clock,
    log,
    health: new HostHealth(clock),
    onFailure: ({ origin, why }: HostFailure) => log.debug({ origin, why }, "a registry of security profiles failed"),
  };
  const profiles = new PulledProfiles(
    new ProfileFiles(joinHostPath(root, "security-profiles")),
    (reference, credentials) => openRepository(reference, requestSecret(credentials), config.registry, profileWorld),
  );
  await profiles.load(log);
  const receivers = options.httpProxy === true ? undefined : processes;
  const owned = [durability, processes, layers];
  return new StoredImages(options, stores, workers, receivers, profiles, owned, durability.unclean);
}

class StoredImages implements ImageService {
  readonly profiles: SecurityProfiles;
  readonly archives: ImageArchives;
  readonly #options: ImagesOptions;
  readonly #stores: GarbageStores & { readonly slots: DownloadSlots };
  readonly #workers: LayerWorkers;
  readonly #owned: readonly Disposable[];
  readonly #platform: Platform;
  readonly #puller: Puller;
  readonly #checks: StoreChecks;
  readonly #background: BackgroundCheck;
  readonly #accounts = new Map<string, ImageAccounts>();

  constructor(
    options: ImagesOptions,
    stores: GarbageStores & { readonly slots: DownloadSlots },
    workers: LayerWorkers,
    receivers: LayerProcesses | undefined,
    profiles: SecurityProfiles,
    owned: readonly Disposable[],
    unclean: boolean,
  ) {
    this.profiles = profiles;
    this.#options = options;
    this.#stores = stores;
    this.#workers = workers;
    this.#platform = options.platform ?? hostPlatform();
    this.#puller = new Puller({ ...options, platform: this.#platform, receivers }, stores);
    const { clock, log, config, root, limits = defaultLayerLimits } = options;
    this.archives = new ImageArchives(stores, this.#platform, limits.minFreeBytes, log);
    this.#checks = new StoreChecks(stores, (image, signal) => this.#puller.repair(image, signal), clock, log);
    const times = new CheckedTimes(root, log);
    this.#background = new BackgroundCheck(this.#checks, stores.index, times, { config, unclean }, { clock, log });
    this.#owned = owned;
  }

  async pull(request: PullRequest, signal: AbortSignal): Promise<Image> {
    return await this.#puller.pull(request, signal);
  }

  pulls(): readonly PullUnderWay[] {
    return this.#puller.book.list();
  }

  watchPulls(listener: (event: PullEvent) => void): Disposable {
    return this.#puller.book.watch(listener);
  }

  find(reference: string): Image | undefined {
    return this.#stores.index.find(reference);
  }

  list(): readonly Image[] {
    return this.#stores.index.list();
  }

  async remove(reference: string): Promise<void> {
    const image = this.#stores.index.find(reference);
    if (image === undefined) return;
    const record = this.#stores.index.record(image.id);
    if (record !== undefined && this.#stores.index.remove(image.id)) await deleteContents(this.#stores, record);
  }

  acquireRootfs(id: ImageId, holder: string): { readonly lowerDirs: readonly HostPath[] } {
    const { chainIds } = this.#stores.index.hold(id, holder);
    return { lowerDirs: this.#lowerDirs(chainIds) };
  }

  release(holder: string): void {
    const id = this.#stores.index.letGo(holder);
    const record = id === undefined ? undefined : this.#stores.index.record(id);
    if (record === undefined || !record.removed || this.#stores.index.isHeld(record.id)) return;
    this.#stores.index.remove(record.id);
    deleteContents(this.#stores, record).catch((error: unknown) => {
      this.#options.log.error(
        { image: record.id, error: String(error) },
        "layers of a removed image could not be deleted",
      );
    });
  }

  layers(id: ImageId): readonly ImageLayer[] {
    return layersOf(this.#stores, id);
  }

  blobs(id: ImageId): readonly ImageBlob[] {
    return blobsOf(this.#stores, id);
  }

  holders(): readonly string[] {
    return this.#stores.index.holders;
  }

  accounts(id: ImageId): ImageAccounts {
    const record = this.#stores.index.record(id);
    const top = record?.chainIds.at(-1);
    if (record === undefined || top === undefined) throw notFound("image", id);
    const known = this.#accounts.get(top);
    if (known !== undefined) return known;
    const accounts = readAccounts(this.#options.kernel, this.#lowerDirs(record.chainIds));
    if (this.#accounts.size === maxCachedAccounts) this.#accounts.clear();
    this.#accounts.set(top, accounts);
    return accounts;
  }

  usage(): { readonly mountpoint: HostPath; readonly usedBytes: bigint; readonly usedInodes: bigint } {
    const { layers, content } = this.#stores;
    return {
      mountpoint: layers.directory,
      usedBytes: BigInt(layers.totalBytes + content.totalBytes),
      usedInodes: BigInt(layers.totalInodes + content.blobs.size),
    };
  }

  leftovers(): Promise<readonly Leftover[]> {
    return listLeftovers(this.#stores);
  }

  removeLeftovers(): Promise<readonly Leftover[]> {
    return removeLeftovers(this.#stores, 0);
  }

  async collectGarbage(): Promise<void> {
    await collectGarbage(this.#stores);
  }

  check(options: { readonly repair: boolean }, signal: AbortSignal): AsyncGenerator<CheckStep> {
    return this.#checks.run(options, signal);
  }

  prepareReload({ registry, images }: Pick<Config, "registry" | "images">): () => void {
    const isPinned = createPinnedMatcher(images.pinned);
    return () => {
      this.#stores.index.setPinned(isPinned);
      this.#stores.slots.resize(registry.maxConcurrentDownloads, registry.maxConcurrentDownloadsPerRegistry);
    };
  }

  checkInBackground(): void {
    this.#background.start();
  }

  async ensureBuiltinImage(helloElf: Uint8Array): Promise<Image> {
    this.#puller.builtin = makeBuiltinImage(helloElf, this.#platform);
    return await this.pull({ reference: builtinName, credentials: undefined }, new AbortController().signal);
  }

  [Symbol.dispose](): void {
    this.#background[Symbol.dispose]();
    this.#workers[Symbol.dispose]();
    for (const owned of this.#owned) owned[Symbol.dispose]();
  }

  #lowerDirs(chainIds: readonly Parameters<GarbageStores["layers"]["lowerDir"]>[0][]): readonly HostPath[] {
    return chainIds.map((chainId) => this.#stores.layers.lowerDir(chainId)).reverse();
  }
}
