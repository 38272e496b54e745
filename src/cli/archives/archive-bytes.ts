import { constants, type Stats } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { invalidArgument } from "../../errors/crib-error.ts";
import { writeTarHeader } from "../../layers/tar/tar-writer.ts";
import type { CliIo } from "../program/cli-io.ts";

const pieceBytes = 256 * 1024;
const blockBytes = 512;
const algorithms = ["sha256", "sha512"] as const;

/** The bytes of an archive: a file's, standard input's for "-", or, of a directory that is an OCI layout, of the tar it would be. */
export async function* archiveBytes(io: CliIo, place: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (place === "-") {
    if (io.stdin.isTerminal)
      throw invalidArgument("standard input is a terminal: send an archive into it, or name a file");
    yield* io.stdin.chunks(signal);
    return;
  }
  const found = await statOf(place);
  if (found.isDirectory()) yield* layoutBytes(place, signal);
  else yield* fileBytes(place, Number.MAX_SAFE_INTEGER, signal);
}

async function statOf(place: string): Promise<Stats> {
  try {
    return await stat(place);
  } catch (error) {
    throw invalidArgument(`cannot read ${place}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

async function* layoutBytes(directory: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const names = await readdir(directory);
  if (!names.includes("index.json") || !names.includes("oci-layout"))
    throw invalidArgument(`${directory} is no OCI layout: it has no index.json or no oci-layout`);
  for (const name of ["oci-layout", "index.json"]) yield* member(join(directory, name), name, signal);
  for (const algorithm of algorithms) {
    const blobs = await readdir(join(directory, "blobs", algorithm)).catch(() => []);
    for (const name of blobs.toSorted())
      yield* member(join(directory, "blobs", algorithm, name), `blobs/${algorithm}/${name}`, signal);
  }
  yield new Uint8Array(2 * blockBytes);
}

async function* member(path: string, name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { size } = await statOf(path);
  yield writeTarHeader({ name }, size);
  let sent = 0;
  for await (const piece of fileBytes(path, size, signal)) {
    sent += piece.length;
    yield piece;
  }
  if (sent !== size) throw invalidArgument(`${path} changed while it was read: import it again`);
  const padding = (blockBytes - (size % blockBytes)) % blockBytes;
  if (padding > 0) yield new Uint8Array(padding);
}

async function* fileBytes(path: string, most: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const file = await open(path, constants.O_RDONLY);
  try {
    for (let left = most; left > 0; ) {
      signal.throwIfAborted();
      const { bytesRead, buffer } = await file.read(new Uint8Array(Math.min(pieceBytes, left)));
      if (bytesRead === 0) return;
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
