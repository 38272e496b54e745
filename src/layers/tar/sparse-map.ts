import { bytesToString } from "../../oci/byte-string.ts";
import { damagedLayer, refusedLayer } from "../layer-error.ts";
import { maxMetadataBytes } from "../layer-limits.ts";
import { type PaxRecords, parsePaxInteger } from "./pax.ts";
import { blockBytes, parseTarNumber } from "./tar-header.ts";

/** A piece of a sparse file that the archive holds; what is between the pieces is zeros. */
export interface SparsePiece {
  readonly offset: number;
  readonly length: number;
}

/** GNU tar's manual, "Storing Sparse Files": where the map of a member's pieces is. */
export type SparseForm =
  | { readonly kind: "map"; readonly pieces: readonly SparsePiece[] }
  /** PAX 1.0: decimal lines before the data, filled up to a whole block. */
  | { readonly kind: "map-before-data" };

/**
 * What the PAX records of a member say about its holes: versions 0.0, 0.1 and 1.0, told apart as Go's archive/tar does.
 * @returns undefined for a member without holes.
 */
export function sparseForm(records: PaxRecords): SparseForm | undefined {
  if (!records.has("GNU.sparse.map") && !records.has("GNU.sparse.major")) return undefined;
  const text = (keyword: string): string => bytesToString(records.get(`GNU.sparse.${keyword}`) ?? new Uint8Array(0));
  const version = `${text("major")}.${text("minor")}`;
  if (version === "1.0") return { kind: "map-before-data" };
  const map = text("map");
  if (map === "" || !["0.0", "0.1", "."].includes(version)) return undefined;
  const pieces = piecesOf(map.split(","));
  const stated = records.get("GNU.sparse.numblocks");
  if (stated !== undefined && parsePaxInteger(stated, "GNU.sparse.numblocks") !== pieces.length)
    throw damagedLayer("the map of a sparse file is not as long as it says");
  return { kind: "map", pieces };
}

/**
 * Bytes that the map of PAX 1.0 takes at the start of a member's content, and its pieces.
 * @param start the first bytes of the content, in whole blocks. @returns undefined when the map goes on behind them.
 */
export function parseMapBeforeData(
  start: Uint8Array,
): { readonly pieces: readonly SparsePiece[]; readonly mapBytes: number } | undefined {
  let at = 0;
  const nextLine = (): string | undefined => {
    const end = start.indexOf(0x0a, at);
    if (end === -1) return undefined;
    const line = bytesToString(start.subarray(at, end));
    at = end + 1;
    return line;
  };
  const first = nextLine();
  if (first === undefined) return undefined;
  const count = decimal(first);
  if (count > maxMetadataBytes) throw refusedLayer(`a sparse file has ${count} pieces`);
  const numbers: string[] = [];
  while (numbers.length < 2 * count) {
    const line = nextLine();
    if (line === undefined) return undefined;
    numbers.push(line);
  }
  return { pieces: piecesOf(numbers), mapBytes: Math.ceil(at / blockBytes) * blockBytes };
}

/** Old GNU headers: four pieces, then blocks of 21 for as long as each says that one follows. */
export function gnuSparsePieces(
  block: Uint8Array,
  kind: "header" | "extension",
): { readonly pieces: readonly SparsePiece[]; readonly more: boolean } {
  const [start, count, flag] = kind === "header" ? [386, 4, 482] : [0, 21, 504];
  const pieces: SparsePiece[] = [];
  for (let at = start; at < start + count * 24 && (block[at] ?? 0) !== 0; at += 24) {
    const offset = parseTarNumber(block, at, 12, "sparse offset");
    pieces.push({ offset, length: parseTarNumber(block, at + 12, 12, "sparse length") });
  }
  return { pieces, more: (block[flag] ?? 0) !== 0 };
}

/** Where an old GNU header has the size of the whole file. */
export function gnuRealSize(block: Uint8Array): number {
  return parseTarNumber(block, 483, 12, "real size");
}

/** @throws {CribError} data-loss unless the pieces lie in order inside the file and are what the archive holds. */
export function checkSparsePieces(pieces: readonly SparsePiece[], sizeBytes: number, storedBytes: number): void {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of pieces) {
    if (offset < end || length < 0 || offset + length > sizeBytes)
      throw damagedLayer("the map of a sparse file is wrong");
    end = offset + length;
    sum += length;
  }
  if (sum !== storedBytes) throw damagedLayer(`a sparse file has ${storedBytes} bytes, its map says ${sum}`);
}

function piecesOf(numbers: readonly string[]): readonly SparsePiece[] {
  if (numbers.length % 2 !== 0) throw damagedLayer("the map of a sparse file has an odd number of numbers");
  const pieces: SparsePiece[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    pieces.push({ offset: decimal(numbers[at] ?? ""), length: decimal(numbers[at + 1] ?? "") });
  }
  return pieces;
}

function decimal(text: string): number {
  const number = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw damagedLayer("the map of a sparse file has something else than numbers");
  return number;
}
