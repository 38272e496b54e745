import { createHash } from "node:crypto";
import { CribError, notFound, unavailable } from "../../errors/crib-error.ts";
import type { Digest } from "../../ids/digest.ts";
import { maxManifestBytes } from "../pull/manifest.ts";
import { manifestAccept } from "../pull/media-types.ts";
import type { EndpointCapability } from "./registry-endpoint.ts";
import type { RepositoryClient } from "./repository-client.ts";

export interface FetchedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** The body of a blob from `startByte` on. */
export interface BlobBody {
  readonly startByte: number;
  readonly pieces: AsyncGenerator<Uint8Array>;
  readonly origin: string;
}

/** Where blobs come from. */
export interface BlobSource {
  /**
   * Opens a blob, from `offset` where the server can; one that cannot starts at 0 and says so.
   * @param attempt 0 at first; more makes another server be asked first.
   */
  blob(digest: Digest, offset: number, attempt: number, signal: AbortSignal): Promise<BlobBody>;
}

/** A repository through all its endpoints: mirrors first, the registry last; the next is tried when one fails. */
export class Repository implements BlobSource {
  readonly #clients: readonly RepositoryClient[];
  readonly #name: string;
  /** Endpoints that could not be reached or broke: asked last from then on, not for every layer again. */
  readonly #demoted = new Set<RepositoryClient>();

  constructor(name: string, clients: readonly RepositoryClient[]) {
    this.#name = name;
    this.#clients = clients;
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
      const bytes = await client.http.readBody(response, maxManifestBytes, signal);
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

  async blob(digest: Digest, offset: number, attempt: number, signal: AbortSignal): Promise<BlobBody> {
    return await this.#first("pull", attempt, async (client) => {
      const range: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
      const response = await client.get(`blobs/${digest}`, range, signal);
      const startByte = response.status === 206 ? rangeStart(response, offset) : 0;
      return { startByte, pieces: client.http.pieces(response, signal), origin: client.target.endpoint.origin };
    });
  }

  async #first<T>(
    capability: EndpointCapability,
    attempt: number,
    ask: (client: RepositoryClient) => Promise<T>,
  ): Promise<T> {
    const failures: { readonly client: RepositoryClient; readonly error: CribError }[] = [];
    for (const client of this.#inOrder(capability, attempt)) {
      try {
        return await ask(client);
      } catch (error) {
        // Cancelled means the caller: no other endpoint could help.
        if (!CribError.is(error) || error.code === "cancelled") throw error;
        if (error.code === "unavailable") this.#demoted.add(client);
        failures.push({ client, error });
      }
    }
    throw this.#combine(failures, capability);
  }

  #inOrder(capability: EndpointCapability, attempt: number): readonly RepositoryClient[] {
    const able = this.#clients.filter(({ target }) => target.endpoint.capabilities.has(capability));
    const ordered = [
      ...able.filter((client) => !this.#demoted.has(client)),
      ...able.filter((client) => this.#demoted.has(client)),
    ];
    const first = attempt % Math.max(1, ordered.length);
    return [...ordered.slice(first), ...ordered.slice(0, first)];
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

function mediaTypeOf(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** `Content-Range: bytes 100-199/200` must begin where it was asked to. */
function rangeStart(response: Response, offset: number): number {
  const range = response.headers.get("content-range") ?? "";
  const start = /^bytes ([0-9]{1,15})-/.exec(range)?.[1];
  if (start === undefined || Number(start) !== offset) {
    throw unavailable(`asked for a blob from byte ${offset}, the registry sent ${JSON.stringify(range.slice(0, 80))}`);
  }
  return offset;
}

/** A registry's "no such thing" in terms of the reference the user gave. */
export function namingReference(error: unknown, reference: string): unknown {
  if (!CribError.is(error, "not-found")) return error;
  return new CribError("not-found", `${notFound("image", reference).message}: ${error.message}`, { cause: error });
}
