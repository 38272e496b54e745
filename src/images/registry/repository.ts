import { createHash } from "node:crypto";
import { CribError, notFound, unavailable } from "../../errors/crib-error.ts";
import type { Digest } from "../../ids/digest.ts";
import type { Fd } from "../../ids/process.ts";
import { maxManifestBytes } from "../pull/manifest.ts";
import { manifestAccept } from "../pull/media-types.ts";
import type { HostFailure, HostHealth } from "./hosts/host-health.ts";
import type { EndpointCapability } from "./hosts/registry-endpoint.ts";
import { type BlobBody, isWebPage, openBlob, type WantedBlob } from "./open-blob.ts";
import { type DirectBody, openDirectly } from "./open-directly.ts";
import type { RepositoryClient } from "./repository-client.ts";

export interface FetchedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** Where blobs come from. */
export interface BlobSource {
  /**
   * Opens a blob, from `offset` where the server can; one that cannot starts at 0 and says so.
   * @param attempt 0 at first; more makes another server be asked first.
   */
  blob(blob: WantedBlob, offset: number, attempt: number, signal: AbortSignal): Promise<BlobBody>;
  /** As `blob`; where the transport can, the body goes to `file` by itself, which is open for reading and appending. */
  blobInto(
    file: Fd,
    blob: WantedBlob,
    offset: number,
    attempt: number,
    signal: AbortSignal,
  ): Promise<BlobBody | DirectBody>;
  /** Tells of a body that broke after it was opened: that server is asked last for a while. */
  failed(origin: string, why: string): void;
  /** Tells of a blob that was not what its digest says, in the same words for every server. */
  wrong(digest: Digest, why: string): void;
  /** Nobody has another copy: what was wrong once stays wrong. */
  readonly asksOnce?: boolean;
  /** Whose limit a download counts against. */
  readonly registry: string;
}

/** A repository through all its endpoints: mirrors first, the registry last; the next is tried when one fails. */
export class Repository implements BlobSource {
  readonly registry: string;
  readonly #clients: readonly RepositoryClient[];
  readonly #name: string;
  /** Endpoints that could not be reached or broke are asked last, for this pull and for others. */
  readonly #health: HostHealth;
  readonly #onFailure: (failure: HostFailure) => void;
  readonly #told = new Set<string>();
  #lastOrigin: string | undefined;
  /** Who sent the blobs of this pull last: as many as an image has. */
  readonly #blobOrigins = new Map<Digest, string>();

  /** @param onFailure told of each endpoint that failed, or is passed over because it did lately. */
  constructor(
    name: string,
    registry: string,
    clients: readonly RepositoryClient[],
    health: HostHealth,
    onFailure: (failure: HostFailure) => void,
  ) {
    this.#name = name;
    this.registry = registry;
    this.#clients = clients;
    this.#health = health;
    this.#onFailure = onFailure;
    for (const { target } of clients) {
      const failure = health.failure(target.endpoint.origin);
      if (failure !== undefined && clients.length > 1) this.#tell(failure);
    }
  }

  /** The endpoint that answered last: where the pull comes from. */
  get source(): string | undefined {
    return this.#lastOrigin;
  }

  /**
   * @param reference a tag, or the digest the bytes must have.
   * @throws {CribError} of the registry itself where it answered, else of the last endpoint; data-loss for a wrong digest.
   */
  async manifest(
    reference: { readonly tag: string } | { readonly digest: Digest },
    signal: AbortSignal,
  ): Promise<FetchedManifest> {
    const wanted = "digest" in reference ? reference.digest : undefined;
    const name = "digest" in reference ? reference.digest : reference.tag;
    return await this.#first(wanted === undefined ? "resolve" : "pull", 0, async (client) => {
      const response = await client.get(`manifests/${name}`, { accept: manifestAccept }, signal);
      if (isWebPage(response)) {
        await response.body?.cancel();
        throw unavailable(`${client.target.endpoint.origin} sent a web page in place of a manifest of ${this.#name}`);
      }
      const bytes = await client.http.readBody(response, maxManifestBytes, signal);
      if (!startsAsObject(bytes))
        throw unavailable(`${client.target.endpoint.origin} sent something else than a manifest of ${this.#name}`);
      const stated = response.headers.get("docker-content-digest") ?? undefined;
      const digest = digestOf(bytes, wanted ?? stated);
      const expected = wanted ?? stated;
      if (expected !== undefined && digest !== expected) {
        throw new CribError(
          "data-loss",
          `registry ${client.target.endpoint.origin} sent a manifest of ${this.#name} with digest ${digest}, not ${expected}`,
        );
      }
      return { digest, mediaType: mediaTypeOf(response), bytes };
    });
  }

  async blob(blob: WantedBlob, offset: number, attempt: number, signal: AbortSignal): Promise<BlobBody> {
    return await this.#open(
      blob,
      attempt,
      async (client) => await openBlob(client, blob, offset, this.#health, signal),
    );
  }

  async blobInto(
    file: Fd,
    blob: WantedBlob,
    offset: number,
    attempt: number,
    signal: AbortSignal,
  ): Promise<BlobBody | DirectBody> {
    return await this.#open(
      blob,
      attempt,
      async (client) =>
        (await openDirectly(client, file, blob, offset, this.#health, signal)) ??
        (await openBlob(client, blob, offset, this.#health, signal)),
    );
  }

  async #open<Body extends { readonly origin: string }>(
    blob: WantedBlob,
    attempt: number,
    ask: (client: RepositoryClient) => Promise<Body>,
  ): Promise<Body> {
    const body = await this.#first("pull", attempt, ask);
    this.#blobOrigins.set(blob.digest, body.origin);
    return body;
  }

  wrong(digest: Digest, why: string): void {
    const origin = this.#blobOrigins.get(digest);
    if (origin !== undefined) this.failed(origin, why);
  }

  failed(origin: string, why: string): void {
    this.#health.failed(origin, why);
    this.#tell({ origin, why });
  }

  async #first<T>(
    capability: EndpointCapability,
    attempt: number,
    ask: (client: RepositoryClient) => Promise<T>,
  ): Promise<T> {
    const failures: { readonly client: RepositoryClient; readonly error: CribError }[] = [];
    for (const client of this.#inOrder(capability, attempt)) {
      try {
        const answer = await ask(client);
        this.#lastOrigin = client.target.endpoint.origin;
        this.#health.worked(this.#lastOrigin);
        return answer;
      } catch (error) {
        // Cancelled means the caller: no other endpoint could help.
        if (!CribError.is(error) || error.code === "cancelled") throw error;
        if (error.code === "unavailable" || error.code === "data-loss")
          this.failed(client.target.endpoint.origin, error.message);
        failures.push({ client, error });
      }
    }
    throw this.#combine(failures, capability);
  }

  /** Each host once a pull: the same news for every blob is noise. */
  #tell(failure: HostFailure): void {
    if (this.#told.has(failure.origin)) return;
    this.#told.add(failure.origin);
    this.#onFailure(failure);
  }

  #inOrder(capability: EndpointCapability, attempt: number): readonly RepositoryClient[] {
    const able = this.#clients.filter(({ target }) => target.endpoint.capabilities.has(capability));
    const isWell = (client: RepositoryClient): boolean =>
      this.#health.failure(client.target.endpoint.origin) === undefined;
    const [well, ill] = [able.filter(isWell), able.filter((client) => !isWell(client))];
    // Another one first at each attempt, but not one that is known to be ill before one that is not.
    const first = attempt % Math.max(1, well.length || ill.length);
    const rotate = <T>(list: readonly T[]): readonly T[] => [...list.slice(first), ...list.slice(0, first)];
    return well.length > 0 ? [...rotate(well), ...ill] : rotate(ill);
  }

  #combine(
    failures: readonly { readonly client: RepositoryClient; readonly error: CribError }[],
    capability: string,
  ): CribError {
    const last = failures.at(-1);
    if (last === undefined) return unavailable(`no endpoint configured for ${this.#name} can ${capability}`);
    const { error } = failures.find(({ client }) => client.target.endpoint.isUpstream) ?? last;
    const others = failures.filter((failure) => failure.error !== error).map((failure) => failure.error.message);
    if (failures.length === 1) return error;
    return new CribError(error.code, `${error.message} (before that, ${others.join("; ")})`, { cause: error });
  }
}

function digestOf(bytes: Uint8Array, like: string | undefined): Digest {
  const algorithm = like?.startsWith("sha512:") === true ? "sha512" : "sha256";
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}` as Digest;
}

/** Whether this is JSON at all, before it is taken for the registry's word. */
function startsAsObject(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09);
  return first === 0x7b;
}

function mediaTypeOf(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** A registry's "no such thing" in terms of the reference the user gave. */
export function namingReference(error: unknown, reference: string): unknown {
  if (!CribError.is(error, "not-found")) return error;
  return new CribError("not-found", `${notFound("image", reference).message}: ${error.message}`, { cause: error });
}
