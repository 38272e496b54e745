import { createHash } from "node:crypto";
import type { Config } from "../../config/config.ts";
import { failedPrecondition, notFound } from "../../errors/crib-error.ts";
import type { ImageId } from "../../ids/digest.ts";
import type { LayerProcesses } from "../../layers/native/layer-processes.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import { storedFirst } from "../check/stored-manifests.ts";
import type { GarbageStores } from "../content/collect-garbage.ts";
import { withinRoom } from "../content/leftovers.ts";
import type { Image, PullProgress, PullRequest, RegistryCredentials } from "../port.ts";
import { requestSecret } from "../registry/credentials/request-secret.ts";
import { HostHealth } from "../registry/hosts/host-health.ts";
import { openRepository } from "../registry/open-repository.ts";
import { formatPlatform, type Platform, platformRank, runnablePlatforms } from "../registry/platform.ts";
import { formatReference, type ImageReference, parseReference, repositoryName } from "../registry/reference.ts";
import { namingReference } from "../registry/repository.ts";
import { type BuiltinImage, builtinDomain, builtinName, builtinSource } from "../store/builtin-image.ts";
import type { ImageRecord } from "../store/image-records.ts";
import { TrustCheck } from "../trust/check-trust.ts";
import { auditPull, type PullFacts } from "./audit-pull.ts";
import { installImage } from "./install-image.ts";
import { PullBook } from "./pull-book.ts";
import { type ResolvedImage, resolveImage } from "./resolve-image.ts";
import { SharedTasks } from "./shared-tasks.ts";

/** Tells pulls with different credentials apart without keeping the credentials. */
function credentialsFingerprint(credentials: RegistryCredentials | undefined): string {
  return createHash("sha256")
    .update(JSON.stringify(credentials ?? null))
    .digest("hex");
}

export interface PullWorld {
  readonly config: Pick<Config, "registry" | "images">;
  readonly clock: Clock;
  readonly log: Log;
  readonly platform: Platform;
  /** What receives blobs over plain HTTP; undefined where that is not to be. */
  readonly receivers: LayerProcesses | undefined;
}

/** Pulls images into the stores, each reference once at a time, and tells of each pull. */
export class Puller {
  /** What `crib.local/hello` is, once the daemon has made it. */
  builtin: BuiltinImage | undefined;
  readonly #world: PullWorld;
  readonly #stores: GarbageStores;
  readonly #health: HostHealth;
  readonly #book: PullBook;
  readonly #pulls = new SharedTasks<string, ImageId, PullProgress>({ joinersRetry: false });

  constructor(world: PullWorld, stores: GarbageStores) {
    this.#world = world;
    this.#stores = stores;
    this.#health = new HostHealth(world.clock);
    this.#book = new PullBook(world.clock);
  }

  /** Joins a pull of the same reference and credentials that is under way. @throws {CribError} as registry and stores have it. */
  async pull(request: PullRequest, signal: AbortSignal): Promise<Image> {
    const reference = parseReference(request.reference);
    const report = request.onProgress ?? ((): void => undefined);
    const name = formatReference(reference);
    const key = `${name} ${credentialsFingerprint(request.credentials)}`;
    const { log, clock } = this.#world;
    const asker = request.asker ?? "daemon";
    const facts: PullFacts = {
      image: name,
      asker,
      source: undefined,
      digest: undefined,
      fetchedBytes: 0n,
      policy: undefined,
    };
    return await auditPull(log, clock, facts, async () => {
      const listen = (progress: PullProgress): void => {
        if (progress.kind === "resolved") facts.digest = progress.digest;
        report(progress);
      };
      for (const progress of this.#book.join(key, asker)) listen(progress);
      const start = (shared: AbortSignal, emit: (progress: PullProgress) => void): Promise<ImageId> =>
        this.#book.keep(key, { reference: name, asker }, async (note) => {
          const tell = (progress: PullProgress): void => {
            note(progress);
            emit(progress);
          };
          try {
            return await withinRoom(this.#stores, log, () => this.#pull(reference, request, shared, tell, facts));
          } finally {
            facts.fetchedBytes = this.#book.fetchedBytes(key);
          }
        });
      const id = await this.#pulls.run(key, signal, start, listen);
      report({ kind: "done", imageId: id });
      return this.#listed(id);
    });
  }

  /** Brings back what is missing of an image, from where it came from. @throws {CribError} as registry and stores have it. */
  async repair(image: ImageRecord, signal: AbortSignal): Promise<void> {
    const name = this.#stores.index.namesOf(image.id).find(({ reference }) => reference.includes("@"))?.reference;
    if (name === undefined)
      throw failedPrecondition(`image ${image.id} has no name that a registry knows: import it again`);
    const reference = parseReference(name);
    if (reference.domain === builtinDomain) return await this.#repairBuiltin(signal);
    const { config, clock, log, platform } = this.#world;
    const { receivers: processes } = this.#world;
    const world = { clock, log, health: this.#health, processes, onFailure: () => undefined };
    const repository = await openRepository(reference, undefined, config.registry, world);
    const { content } = this.#stores;
    const resolved = await resolveImage(reference, storedFirst(content, repository), content, platform, signal);
    if (resolved.id !== image.id) throw failedPrecondition(`${name} is not image ${image.id} on this node any more`);
    const wanted = new Set<string>(image.contents);
    using _pinned = this.#stores.pins.pin(image.contents);
    for (const blob of resolved.manifest.layers) {
      if (wanted.has(blob.digest) && !(await content.isWhole(blob.digest)))
        await this.#stores.downloads.fetch(blob, repository, 0, signal, () => undefined);
    }
    await installImage(this.#stores, resolved, [name], repository, signal, () => undefined);
  }

  async #repairBuiltin(signal: AbortSignal): Promise<void> {
    const { builtin } = this;
    if (builtin === undefined) throw notFound("image", builtinName);
    await this.#stores.content.put(builtin.layer.digest, builtin.layer.bytes);
    const names = [`${builtinName}@${builtin.image.targetDigest}`];
    await installImage(this.#stores, builtin.image, names, builtinSource, signal, () => undefined);
  }

  get book(): Pick<PullBook, "list" | "watch"> {
    return this.#book;
  }

  async #pull(
    reference: ImageReference,
    request: PullRequest,
    signal: AbortSignal,
    report: (progress: PullProgress) => void,
    facts: PullFacts,
  ): Promise<ImageId> {
    if (reference.domain === builtinDomain) return await this.#installBuiltin(reference, signal, report);
    const { config, clock, log, platform } = this.#world;
    const policy = config.images.trustPolicy;
    facts.policy = policy === undefined ? "none" : "refused";
    const trust = policy === undefined ? undefined : new TrustCheck(policy, reference);
    const repository = await openRepository(reference, requestSecret(request.credentials), config.registry, {
      clock,
      log,
      health: this.#health,
      processes: this.#world.receivers,
      onFailure: ({ origin, why }) => report({ kind: "host-failure", origin, why }),
    });
    try {
      const image = await resolveImage(reference, repository, this.#stores.content, platform, signal);
      this.#sayOtherPlatform(request.reference, image.parsed.platform);
      const digests = [image.targetDigest, image.documents.at(-1)?.digest ?? image.targetDigest];
      if (trust !== undefined) facts.policy = await trust.verdict(digests, repository, signal);
      report(resolved(reference, image));
      const name = repositoryName(reference);
      // A tag beside a digest was not asked of the registry: it proves nothing about where the tag points.
      const tags = reference.digest === undefined ? [`${name}:${reference.tag ?? "latest"}`] : [];
      return await installImage(
        this.#stores,
        image,
        [...tags, `${name}@${image.targetDigest}`],
        repository,
        signal,
        report,
      );
    } catch (error) {
      throw namingReference(error, request.reference);
    } finally {
      facts.source = repository.source;
    }
  }

  /** An image is refused for an architecture that the node does not run; what may or may not run is tried, and said. */
  #sayOtherPlatform(image: string, platform: Platform): void {
    const { log, platform: host } = this.#world;
    const shown = { image, platform: formatPlatform(platform), node: formatPlatform(host) };
    if (platform.architecture === "") log.warn(shown, "the image names no architecture, it is tried as it is");
    else if (platformRank(platform, runnablePlatforms(host)) === -1)
      log.warn(shown, "the image is for processors with more than this node has, it is tried all the same");
  }

  async #installBuiltin(
    reference: ImageReference,
    signal: AbortSignal,
    report: (progress: PullProgress) => void,
  ): Promise<ImageId> {
    const { builtin } = this;
    const isHello = repositoryName(reference) === builtinName && (reference.tag ?? "latest") === "latest";
    if (
      builtin === undefined ||
      !isHello ||
      (reference.digest ?? builtin.image.targetDigest) !== builtin.image.targetDigest
    ) {
      throw notFound("image", formatReference(reference));
    }
    const { image, layer } = builtin;
    report(resolved(reference, image));
    const names = [`${builtinName}:latest`, `${builtinName}@${image.targetDigest}`];
    const present = this.#stores.index.get(image.id);
    if (present?.repoTags.includes(`${builtinName}:latest`) === true) return image.id;
    await this.#stores.content.put(layer.digest, layer.bytes);
    return await installImage(this.#stores, image, names, builtinSource, signal, report);
  }

  #listed(id: ImageId): Image {
    const image = this.#stores.index.get(id);
    // Removed between its row and here by a concurrent RemoveImage: to the caller it is simply not there.
    if (image === undefined) throw notFound("image", id);
    return image;
  }
}

function resolved(reference: ImageReference, { targetDigest, manifest }: ResolvedImage): PullProgress {
  const name = formatReference(reference);
  return { kind: "resolved", reference: name, digest: targetDigest, layers: manifest.layers };
}
