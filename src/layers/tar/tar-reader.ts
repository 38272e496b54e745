import { internal } from "../../errors/crib-error.ts";
import { bytesToString } from "../../oci/byte-string.ts";
import { damagedLayer, refusedLayer } from "../layer-error.ts";
import { maxMetadataBytes } from "../layer-limits.ts";
import { mergeHeaders, quotedName as quoted } from "./merge-headers.ts";
import { type PaxRecords, parsePaxRecords } from "./pax.ts";
import { SparseContent } from "./sparse-content.ts";
import {
  checkSparsePieces,
  gnuRealSize,
  gnuSparsePieces,
  parseMapBeforeData,
  type SparsePiece,
  sparseForm,
} from "./sparse-map.ts";
import type { TarEntry, TarSink } from "./tar-entry.ts";
import { blockBytes, parseTarHeader, type TarHeader } from "./tar-header.ts";

type MetadataType = "x" | "g" | "L" | "K";
type Phase = "header" | "gnu-sparse-map" | "metadata" | "map-before-data" | "data" | "padding" | "ended";

/**
 * A push parser for tar archives: give it chunks of any size, it calls the sink as members become known.
 *
 * Reads what images are made of (ustar, star, PAX, GNU long names, base-256 numbers and holes of every kind, V7) the way Go's
 * archive/tar reads it, so that crib and the engine that built an image agree on every member; global PAX headers say nothing
 * about members there, nor here. Memory is bounded by `maxMetadataBytes` whatever the headers claim; content is never buffered.
 */
export class TarReader {
  readonly #sink: TarSink;
  readonly #maxEntries: number;
  readonly #block = new Uint8Array(blockBytes);
  #have = 0;
  #phase: Phase = "header";
  #remaining = 0;
  #padding = 0;
  #headers = 0;
  #zeroBlocks = 0;
  #metadataType: MetadataType = "x";
  #metadata = new Uint8Array(0);
  #local: PaxRecords = new Map();
  #sparse: SparseContent | undefined;
  /** The member that waits for the rest of its map. */
  #mapped: { readonly entry: TarEntry; readonly pieces: SparsePiece[] } | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;

  constructor(sink: TarSink, maxEntries: number) {
    this.#sink = sink;
    this.#maxEntries = maxEntries;
  }

  /** Headers seen so far, metadata headers included. */
  get headers(): number {
    return this.#headers;
  }

  /** @throws {CribError} data-loss for a damaged archive, failed-precondition for what crib refuses. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#phase) {
        case "header":
          at += this.#fillBlock(chunk, at);
          break;
        case "metadata":
          at += this.#fillMetadata(chunk, at);
          break;
        case "gnu-sparse-map":
        case "map-before-data":
          at += this.#fillBlock(chunk, at);
          break;
        case "data": {
          const take = Math.min(this.#remaining, chunk.length - at);
          (this.#sparse ?? this.#sink).data(chunk.subarray(at, at + take));
          at += take;
          this.#remaining -= take;
          if (this.#remaining === 0) this.#endMember();
          break;
        }
        case "padding": {
          const take = Math.min(this.#padding, chunk.length - at);
          at += take;
          this.#padding -= take;
          if (this.#padding === 0) this.#phase = "header";
          break;
        }
        case "ended":
          return;
      }
    }
  }

  /** Call after the last chunk. An archive may end behind a member's last byte, without padding or closing zeros, as for Go. */
  finish(): void {
    if (this.#phase === "ended" || this.#phase === "padding") return;
    if (this.#phase !== "header" || this.#have !== 0) throw damagedLayer("it ends in the middle of a member");
    if (this.#local.size > 0 || this.#longName !== undefined || this.#longLink !== undefined) {
      throw damagedLayer("it ends after an extended header");
    }
  }

  #fillBlock(chunk: Uint8Array, at: number): number {
    if (this.#have === 0 && chunk.length - at >= blockBytes) {
      this.#onBlock(chunk.subarray(at, at + blockBytes));
      return blockBytes;
    }
    const take = Math.min(blockBytes - this.#have, chunk.length - at);
    this.#block.set(chunk.subarray(at, at + take), this.#have);
    this.#have += take;
    if (this.#have === blockBytes) {
      this.#have = 0;
      this.#onBlock(this.#block);
    }
    return take;
  }

  #onBlock(block: Uint8Array): void {
    if (this.#phase === "header") this.#onHeader(block);
    else if (this.#phase === "gnu-sparse-map") this.#onGnuMap(block, "extension");
    else this.#onMapBeforeData(block);
  }

  #fillMetadata(chunk: Uint8Array, at: number): number {
    const take = Math.min(this.#remaining, chunk.length - at);
    this.#metadata.set(chunk.subarray(at, at + take), this.#metadata.length - this.#remaining);
    this.#remaining -= take;
    if (this.#remaining === 0) {
      this.#onMetadata();
      this.#afterContent();
    }
    return take;
  }

  #onHeader(block: Uint8Array): void {
    const header = parseTarHeader(block);
    if (header === undefined) {
      this.#zeroBlocks++;
      if (this.#zeroBlocks === 2) this.#phase = "ended";
      return;
    }
    if (this.#zeroBlocks > 0) throw damagedLayer("a member follows a block of zeros");
    if (++this.#headers > this.#maxEntries) throw refusedLayer(`it has more than ${this.#maxEntries} members`);
    switch (header.type) {
      case "x":
      case "g":
      case "L":
      case "K":
        this.#beginMetadata(header.type, header.sizeBytes);
        return;
      case "V":
        this.#skip(header.sizeBytes);
        return;
      default:
        this.#beginMember(header, block);
    }
  }

  #beginMetadata(type: MetadataType, sizeBytes: number): void {
    if (sizeBytes < 0 || sizeBytes > maxMetadataBytes) {
      throw refusedLayer(`an extended header is ${sizeBytes} bytes long, over ${maxMetadataBytes}`);
    }
    this.#metadataType = type;
    this.#metadata = new Uint8Array(sizeBytes);
    this.#setContent(sizeBytes);
    if (sizeBytes === 0) this.#onMetadata();
    else this.#phase = "metadata";
  }

  #onMetadata(): void {
    switch (this.#metadataType) {
      case "x":
        this.#local = new Map();
        parsePaxRecords(this.#metadata, this.#local);
        break;
      case "g":
        parsePaxRecords(this.#metadata, new Map());
        break;
      case "L":
        this.#longName = untilNul(this.#metadata);
        break;
      case "K":
        this.#longLink = untilNul(this.#metadata);
        break;
    }
    this.#metadata = new Uint8Array(0);
  }

  #beginMember(header: TarHeader, block: Uint8Array): void {
    const records = this.#local;
    const entry = mergeHeaders(header, { records, longName: this.#longName, longLink: this.#longLink });
    this.#local = new Map();
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#setContent(entry.storedBytes);
    const sparse = entry.kind === "file" ? sparseForm(records) : undefined;
    if (header.type === "S") {
      const sizeBytes = records.has("GNU.sparse.realsize") ? entry.sizeBytes : gnuRealSize(block);
      this.#mapped = { entry: { ...entry, sizeBytes }, pieces: [] };
      this.#onGnuMap(block, "header");
    } else if (sparse?.kind === "map-before-data") {
      this.#mapped = { entry, pieces: [] };
      this.#metadata = new Uint8Array(0);
      this.#phase = "map-before-data";
    } else if (sparse?.kind === "map") this.#beginSparse(entry, sparse.pieces);
    else this.#beginContent(entry);
  }

  #onGnuMap(block: Uint8Array, kind: "header" | "extension"): void {
    const { entry, pieces } = this.#mapped ?? never();
    const found = gnuSparsePieces(block, kind);
    pieces.push(...found.pieces);
    if (pieces.length * 24 > maxMetadataBytes) throw refusedLayer(`${quoted(entry.name)} has too many holes`);
    if (found.more) this.#phase = "gnu-sparse-map";
    else this.#beginSparse(entry, pieces);
  }

  #onMapBeforeData(block: Uint8Array): void {
    const { entry } = this.#mapped ?? never();
    if (this.#remaining < blockBytes) throw damagedLayer(`the map of sparse file ${quoted(entry.name)} is cut short`);
    this.#metadata = new Uint8Array(Buffer.concat([this.#metadata, block]));
    this.#remaining -= blockBytes;
    const map = parseMapBeforeData(this.#metadata);
    if (map === undefined) {
      if (this.#metadata.length >= maxMetadataBytes) throw refusedLayer(`${quoted(entry.name)} has too many holes`);
      return;
    }
    this.#beginSparse({ ...entry, storedBytes: this.#remaining }, map.pieces);
  }

  #beginSparse(entry: TarEntry, pieces: readonly SparsePiece[]): void {
    checkSparsePieces(pieces, entry.sizeBytes, entry.storedBytes);
    this.#mapped = undefined;
    this.#sparse = new SparseContent(pieces, entry.sizeBytes, this.#sink);
    this.#beginContent(entry);
  }

  #beginContent(entry: TarEntry): void {
    this.#sink.begin(entry);
    if (entry.storedBytes === 0) this.#endMember();
    else this.#phase = "data";
  }

  #endMember(): void {
    this.#sparse?.finish();
    this.#sparse = undefined;
    this.#sink.end();
    this.#afterContent();
  }

  #skip(sizeBytes: number): void {
    if (sizeBytes !== 0) throw refusedLayer("it has a volume header with content");
  }

  #setContent(sizeBytes: number): void {
    this.#remaining = sizeBytes;
    this.#padding = (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
  }

  #afterContent(): void {
    this.#phase = this.#padding === 0 ? "header" : "padding";
  }
}

function never(): never {
  throw internal("a map of holes belongs to no member");
}

function untilNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return bytesToString(end === -1 ? bytes : bytes.subarray(0, end));
}
