import { CribError, internal } from "../../errors/crib-error.ts";
import { bytesToString } from "../../oci/byte-string.ts";
import { damagedLayer, refusedLayer } from "../layer-error.ts";

/** What `crib-layer` found in a blob. */
export interface ParsedLayer {
  /** `sha256:…` of the uncompressed archive, and of the blob. */
  readonly diffId: string;
  readonly blobDigest: string;
  readonly archiveBytes: number;
  readonly members: number;
  /** Directories without a member of their own; "" is the root. Raw bytes as text. */
  readonly implicit: readonly string[];
  /** Names that the layer hides of those below, if they have them. */
  readonly whiteouts: readonly string[];
}

/** The index it wrote. */
export interface LayerIndex {
  readonly bytes: number;
  readonly inodes: number;
  readonly digest: string;
}

export type LayerReply =
  | { readonly kind: "parsed"; readonly layer: ParsedLayer }
  | { readonly kind: "indexed"; readonly index: LayerIndex }
  | { readonly kind: "failed"; readonly error: CribError };

/** ffi/layers/replies.h and layers.h have the same numbers. */
const kinds = { parsed: 1, indexed: 2, failed: 3 } as const;
const failures = { internal: 0, damaged: 1, refused: 2, full: 3, unsupported: 4 } as const;

const headBytes = 4;
const digestBytes = 32;
/** The names of implied directories are the most there can be of anything, and they are bounded by a layer's limits. */
const maxReplyBytes = 256 * 1024 * 1024;

/** Cuts the bytes of `crib-layer` into its replies. */
export class ReplySplitter {
  #held = Buffer.alloc(0);
  #missing = headBytes;

  /** @throws {CribError} internal for bytes that are none of it. */
  push(chunk: Uint8Array): LayerReply[] {
    this.#held = Buffer.concat([this.#held, chunk]);
    const replies: LayerReply[] = [];
    while (this.#held.length >= this.#missing) {
      const length = this.#held.readUInt32LE(0);
      if (length === 0 || length > maxReplyBytes) throw internal(`crib-layer sent a reply of ${length} bytes`);
      this.#missing = headBytes + length;
      if (this.#held.length < this.#missing) break;
      replies.push(parseReply(this.#held.subarray(headBytes, this.#missing)));
      this.#held = this.#held.subarray(this.#missing);
      this.#missing = headBytes;
    }
    return replies;
  }
}

function parseReply(bytes: Buffer): LayerReply {
  switch (bytes[0]) {
    case kinds.parsed:
      return { kind: "parsed", layer: parseParsed(bytes.subarray(1)) };
    case kinds.indexed:
      return {
        kind: "indexed",
        index: {
          bytes: Number(bytes.readBigUInt64LE(1)),
          inodes: Number(bytes.readBigUInt64LE(9)),
          digest: digestOf(bytes, 17),
        },
      };
    case kinds.failed:
      return { kind: "failed", error: parseFailure(bytes[1] ?? failures.internal, bytesToString(bytes.subarray(2))) };
    default:
      throw internal(`crib-layer sent a reply of kind ${bytes[0]}`);
  }
}

function parseParsed(bytes: Buffer): ParsedLayer {
  const implicit = readNames(bytes, 2 * 8 + 2 * digestBytes);
  const whiteouts = readNames(bytes, implicit.end);
  return {
    archiveBytes: Number(bytes.readBigUInt64LE(0)),
    members: Number(bytes.readBigUInt64LE(8)),
    diffId: digestOf(bytes, 16),
    blobDigest: digestOf(bytes, 16 + digestBytes),
    implicit: implicit.names,
    whiteouts: whiteouts.names,
  };
}

function readNames(bytes: Buffer, start: number): { readonly names: readonly string[]; readonly end: number } {
  const names: string[] = [];
  let at = start + 4;
  for (let left = bytes.readUInt32LE(start); left > 0; left--) {
    const end = at + 2 + bytes.readUInt16LE(at);
    names.push(bytesToString(bytes.subarray(at + 2, end)));
    at = end;
  }
  return { names, end: at };
}

function digestOf(bytes: Buffer, at: number): string {
  return `sha256:${bytes.subarray(at, at + digestBytes).toString("hex")}`;
}

function parseFailure(kind: number, message: string): CribError {
  switch (kind) {
    case failures.damaged:
      return damagedLayer(message);
    case failures.refused:
      return refusedLayer(message);
    case failures.full:
      return new CribError("resource-exhausted", `no room to unpack a layer: ${message}`);
    case failures.unsupported:
      return new CribError("unimplemented", `layer archive has no index: ${message}`);
    default:
      return internal(`crib-layer: ${message}`);
  }
}
