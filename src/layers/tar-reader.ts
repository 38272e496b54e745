import { bytesToString } from "../oci/byte-string.ts";
import { damagedLayer, refusedLayer } from "./layer-error.ts";
import { maxMetadataBytes } from "./layer-limits.ts";
import { type PaxRecords, parsePaxInteger, parsePaxRecords, parsePaxTime } from "./pax.ts";
import type { TarEntry, TarEntryKind, TarSink } from "./tar-entry.ts";
import { blockBytes, parseTarHeader, type TarHeader } from "./tar-header.ts";

const kindByType: Readonly<Record<string, TarEntryKind | undefined>> = {
  "0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

const xattrPrefix = "SCHILY.xattr.";
const maxId = 0xffff_fffe;

type MetadataType = "x" | "g" | "L" | "K";
type Phase = "header" | "metadata" | "data" | "padding" | "ended";

/**
 * A push parser for tar archives: give it chunks of any size, it calls the sink as members become known.
 *
 * Reads what images are made of (ustar, PAX with global headers, GNU long names and base-256 numbers, V7) the way
 * Go's archive/tar reads it, so that crib and the engine that built an image agree on every member. Memory is bounded by
 * `maxMetadataBytes` whatever the headers claim; content is never buffered.
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
  readonly #global: PaxRecords = new Map();
  #local: PaxRecords = new Map();
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
          at += this.#fillHeader(chunk, at);
          break;
        case "metadata":
          at += this.#fillMetadata(chunk, at);
          break;
        case "data": {
          const take = Math.min(this.#remaining, chunk.length - at);
          this.#sink.data(chunk.subarray(at, at + take));
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

  /** Call after the last chunk. An archive may end at a member's boundary without its closing zeros, as for Go. */
  finish(): void {
    if (this.#phase === "ended") return;
    if (this.#phase !== "header" || this.#have !== 0) throw damagedLayer("it ends in the middle of a member");
    if (this.#local.size > 0 || this.#longName !== undefined || this.#longLink !== undefined) {
      throw damagedLayer("it ends after an extended header");
    }
  }

  #fillHeader(chunk: Uint8Array, at: number): number {
    if (this.#have === 0 && chunk.length - at >= blockBytes) {
      this.#onHeader(chunk.subarray(at, at + blockBytes));
      return blockBytes;
    }
    const take = Math.min(blockBytes - this.#have, chunk.length - at);
    this.#block.set(chunk.subarray(at, at + take), this.#have);
    this.#have += take;
    if (this.#have === blockBytes) {
      this.#have = 0;
      this.#onHeader(this.#block);
    }
    return take;
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
      case "S":
        throw refusedLayer("it holds sparse files; build the image without tar --sparse");
      case "V":
        this.#skip(header.sizeBytes);
        return;
      default:
        this.#beginMember(header);
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
        parsePaxRecords(this.#metadata, this.#global);
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

  #beginMember(header: TarHeader): void {
    const entry = this.#merge(header);
    this.#local = new Map();
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#setContent(entry.sizeBytes);
    this.#sink.begin(entry);
    if (entry.sizeBytes === 0) this.#endMember();
    else this.#phase = "data";
  }

  #endMember(): void {
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

  /** PAX local records win over global ones, those over GNU long names, those over the header. */
  #merge(header: TarHeader): TarEntry {
    const field = (keyword: string): Uint8Array | undefined => {
      const value = this.#local.get(keyword) ?? this.#global.get(keyword);
      return value === undefined || value.length === 0 ? undefined : value;
    };
    const path = field("path");
    const linkPath = field("linkpath");
    const size = field("size");
    const uid = field("uid");
    const gid = field("gid");
    const mtime = field("mtime");
    const name = path ? bytesToString(path) : (this.#longName ?? header.name);
    const linkName = linkPath ? bytesToString(linkPath) : (this.#longLink ?? header.linkName);
    if (name.includes("\0") || linkName.includes("\0")) throw refusedLayer("a name holds a NUL byte");
    const kind = header.type === "0" && name.endsWith("/") ? "directory" : kindByType[header.type];
    if (kind === undefined)
      throw refusedLayer(
        `member ${JSON.stringify(name.slice(0, 200))} has unknown type ${JSON.stringify(header.type)}`,
      );
    const sizeBytes = size ? parsePaxInteger(size, "size") : header.sizeBytes;
    if (sizeBytes < 0) throw damagedLayer(`member ${JSON.stringify(name.slice(0, 200))} has a negative size`);
    return {
      kind,
      name,
      linkName: kind === "hardlink" || kind === "symlink" ? linkName : "",
      mode: header.mode & 0o7777,
      uid: checkId(uid ? parsePaxInteger(uid, "uid") : header.uid, "uid", name),
      gid: checkId(gid ? parsePaxInteger(gid, "gid") : header.gid, "gid", name),
      sizeBytes: kind === "file" ? sizeBytes : 0,
      mtimeNs: mtime ? parsePaxTime(mtime, "mtime") : BigInt(header.mtimeSeconds) * 1_000_000_000n,
      deviceMajor: header.deviceMajor,
      deviceMinor: header.deviceMinor,
      xattrs: this.#xattrs(),
    };
  }

  #xattrs(): ReadonlyMap<string, Uint8Array> {
    const xattrs = new Map<string, Uint8Array>();
    for (const records of [this.#global, this.#local]) {
      for (const [keyword, value] of records) {
        if (keyword.startsWith(xattrPrefix)) xattrs.set(keyword.slice(xattrPrefix.length), value);
      }
    }
    return xattrs;
  }
}

function untilNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return bytesToString(end === -1 ? bytes : bytes.subarray(0, end));
}

/** 2³²−1 is chown's "leave as it is", not an owner. */
function checkId(id: number, what: string, name: string): number {
  if (id < 0 || id > maxId) throw refusedLayer(`member ${JSON.stringify(name.slice(0, 200))} has ${what} ${id}`);
  return id;
}
