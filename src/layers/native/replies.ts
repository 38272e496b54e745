import { CribError, internal } from "../../errors/crib-error.ts";
import { bytesToString } from "../../oci/byte-string.ts";
import { damagedLayer, refusedLayer } from "../layer-error.ts";
import type { HelperReply } from "./helper-process.ts";
import { layerFailures as failures, layerReplies as kinds } from "./layer-numbers.ts";

/** What `crib-layer` found in a blob. */
export interface ParsedLayer {
  /** `sha256:…` of the uncompressed archive. */
  readonly diffId: string;
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
  | { readonly kind: "indexed"; readonly index: LayerIndex };

const digestBytes = 32;

/** What `crib-layer` says of a layer. @throws {CribError} internal for a frame that is none of it. */
export function parseLayerReply(bytes: Buffer): HelperReply<LayerReply> {
  switch (bytes[0]) {
    case kinds.parsed:
      return { reply: { kind: "parsed", layer: parseParsed(bytes.subarray(1)) } };
    case kinds.indexed:
      return {
        reply: {
          kind: "indexed",
          index: {
            bytes: Number(bytes.readBigUInt64LE(1)),
            inodes: Number(bytes.readBigUInt64LE(9)),
            digest: digestOf(bytes, 17),
          },
        },
      };
    case kinds.failed:
      return { failure: parseFailure(bytes[1] ?? failures.internal, bytesToString(bytes.subarray(2))) };
    default:
      throw internal(`crib-layer sent a reply of kind ${bytes[0]}`);
  }
}

function parseParsed(bytes: Buffer): ParsedLayer {
  const implicit = readNames(bytes, 2 * 8 + digestBytes);
  const whiteouts = readNames(bytes, implicit.end);
  return {
    archiveBytes: Number(bytes.readBigUInt64LE(0)),
    members: Number(bytes.readBigUInt64LE(8)),
    diffId: digestOf(bytes, 16),
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
