import type { Fd } from "../../ids/process.ts";
import type { BlobReceiver } from "../../layers/native/blob-receiver.ts";
import type { HostHealth } from "./hosts/host-health.ts";
import { startsAt, type WantedBlob } from "./open-blob.ts";
import type { RepositoryClient } from "./repository-client.ts";

/** A body that goes to its file by itself. */
export interface DirectBody {
  readonly startByte: number;
  /** As many as the server said. */
  readonly bodyBytes: number;
  readonly receiver: BlobReceiver;
  readonly origin: string;
  /** Whether another than the registry itself sends it. */
  readonly isMirror: boolean;
}

/** Less is not worth a process. */
const minBytes = 64 * 1024;

/**
 * Opens a blob, from `offset` where the server can, so that its body goes to `file`.
 * @returns undefined where that cannot be, or the answer is not just what was asked for: `openBlob` says what there is instead.
 */
export async function openDirectly(
  client: RepositoryClient,
  file: Fd,
  blob: WantedBlob,
  offset: number,
  health: HostHealth,
  signal: AbortSignal,
): Promise<DirectBody | undefined> {
  const { origin, isUpstream } = client.target.endpoint;
  if (!blob.digest.startsWith("sha256:") || blob.sizeBytes - offset < minBytes || health.wraps(origin))
    return undefined;
  const wished = offset > 0 && health.hasRanges(origin) ? offset : 0;
  const range: Readonly<Record<string, string>> = wished > 0 ? { range: `bytes=${wished}-` } : {};
  const answer = await client.getDirectly(`blobs/${blob.digest}`, range, file, signal);
  if (answer === "wrapped") health.wrapped(origin);
  if (answer === undefined || answer === "wrapped") return undefined;
  const { response, bodyBytes, receiver } = answer;
  const isRange = response.status === 206 && wished > 0 && startsAt(response, wished, blob.sizeBytes);
  const startByte = isRange ? wished : 0;
  if ((isRange || response.status === 200) && startByte + bodyBytes === blob.sizeBytes)
    return { startByte, bodyBytes, receiver, origin, isMirror: !isUpstream };
  await receiver.end();
  return undefined;
}
