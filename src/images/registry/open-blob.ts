import { CribError, unavailable } from "../../errors/crib-error.ts";
import type { Digest } from "../../ids/digest.ts";
import { contentEncoding } from "./content-encoding.ts";
import type { HostHealth } from "./hosts/host-health.ts";
import type { RepositoryClient } from "./repository-client.ts";

/** A blob as its descriptor has it. */
export interface WantedBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** The body of a blob from `startByte` on. */
export interface BlobBody {
  readonly startByte: number;
  readonly pieces: AsyncGenerator<Uint8Array>;
  readonly origin: string;
  /** Whether another than the registry itself sends it. */
  readonly isMirror: boolean;
  /** Whether the server said that all of the blob comes: an end before that is a broken connection, not its last word. */
  readonly isAnnounced: boolean;
}

/**
 * Opens a blob at one endpoint, from `offset` where the server can. One that answers a range with an error, with another range or
 * with none said is asked for the whole, and never for a range again.
 *
 * @throws {CribError} unavailable for a web page in the blob's place, data-loss for a body of another length: nothing of it is kept.
 */
export async function openBlob(
  client: RepositoryClient,
  blob: WantedBlob,
  offset: number,
  health: HostHealth,
  signal: AbortSignal,
): Promise<BlobBody> {
  const { origin, isUpstream } = client.target.endpoint;
  if (offset > 0 && health.hasRanges(origin)) {
    const response = await client.get(`blobs/${blob.digest}`, { range: `bytes=${offset}-` }, signal);
    if (response.status === 200) return wholeBody(client, blob, response, signal);
    if (response.status === 206 && startsAt(response, offset, blob.sizeBytes)) {
      const pieces = client.http.pieces(response, signal);
      return { startByte: offset, pieces, origin, isMirror: !isUpstream, isAnnounced: true };
    }
    await response.body?.cancel();
    health.lacksRanges(origin);
  }
  return wholeBody(client, blob, await client.get(`blobs/${blob.digest}`, {}, signal), signal);
}

async function wholeBody(
  client: RepositoryClient,
  blob: WantedBlob,
  response: Response,
  signal: AbortSignal,
): Promise<BlobBody> {
  const { origin, isUpstream } = client.target.endpoint;
  const stated = response.headers.get("content-length");
  const isBlobItself = stated !== null && Number(stated) === blob.sizeBytes;
  const problem = wrongBody(response, blob, isBlobItself);
  if (problem !== undefined) {
    await response.body?.cancel();
    throw problem.kind === "page"
      ? unavailable(`registry ${origin} sent a web page in place of blob ${blob.digest}`)
      : new CribError(
          "data-loss",
          `registry ${origin} sent ${stated} bytes for blob ${blob.digest} of ${blob.sizeBytes}`,
        );
  }
  // Object stores keep "gzip" beside blobs that are gzip files: what has the blob's own length is the blob.
  const pieces = isBlobItself ? client.http.rawPieces(response, signal) : client.http.pieces(response, signal);
  return { startByte: 0, pieces, origin, isMirror: !isUpstream, isAnnounced: isBlobItself };
}

function wrongBody(
  response: Response,
  blob: WantedBlob,
  isBlobItself: boolean,
): { readonly kind: "page" | "length" } | undefined {
  if (isBlobItself) return undefined;
  if (isWebPage(response)) return { kind: "page" };
  const lengthCounts = response.headers.has("content-length") && contentEncoding(response) === undefined;
  return lengthCounts && blob.sizeBytes > 0 ? { kind: "length" } : undefined;
}

/** What captive portals and misled proxies answer with instead of an error. */
export function isWebPage(response: Response): boolean {
  const type = (response.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase();
  return type === "text/html" || type === "application/xhtml+xml";
}

/** `Content-Range: bytes 100-199/200` must begin where it was asked to, and be of a blob of this size. */
export function startsAt(response: Response, offset: number, sizeBytes: number): boolean {
  const match = /^bytes ([0-9]{1,15})-[0-9]{1,15}\/([0-9]{1,15}|\*)$/.exec(response.headers.get("content-range") ?? "");
  const isWhole = match?.[2] === "*" || Number(match?.[2]) === sizeBytes;
  return match !== null && Number(match[1]) === offset && isWhole && contentEncoding(response) === undefined;
}
