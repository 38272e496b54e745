import { stringToBytes } from "../../oci/byte-string.ts";
import { layerOrders as kinds } from "./layer-numbers.ts";

/** What an implied directory takes from the layers below. Names are raw bytes as text. */
export interface InheritedDirectory {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly mtimeNs: bigint;
}

const indexIdBytes = 16;
const nsInSecond = 1_000_000_000n;

/** The first `availableBytes` of the blob may be read; `final` when that is all of it. */
export function advanceOrder(availableBytes: number, final: boolean): Uint8Array {
  const payload = Buffer.alloc(9);
  payload.writeBigUInt64LE(BigInt(availableBytes));
  payload.writeUInt8(final ? 1 : 0, 8);
  return order(kinds.advance, [payload]);
}

/** Reads the archive again, with directories that are links in the layers below under the names they mean. */
export function rewriteOrder(rewritten: readonly (readonly [string, string])[]): Uint8Array {
  const names = rewritten.flatMap(([from, to]) => [...name(from), ...name(to)]);
  return order(kinds.rewrite, [u32(rewritten.length), ...names]);
}

export function inheritOrder(directories: readonly InheritedDirectory[]): Uint8Array {
  const parts = directories.flatMap(({ path, uid, gid, mode, mtimeNs }) => {
    const nanoseconds = ((mtimeNs % nsInSecond) + nsInSecond) % nsInSecond;
    const seconds = Buffer.alloc(8);
    seconds.writeBigInt64LE((mtimeNs - nanoseconds) / nsInSecond);
    return [...name(path), u32(uid), u32(gid), u32(mode), seconds, u32(Number(nanoseconds))];
  });
  return order(kinds.inherit, [u32(directories.length), ...parts]);
}

/** Forgets whiteouts. */
export function dropOrder(whiteouts: readonly string[]): Uint8Array {
  return order(kinds.drop, [u32(whiteouts.length), ...whiteouts.flatMap((path) => name(path))]);
}

/** Writes the index; `id` becomes its UUID, by which overlayfs tells layers apart. */
export function indexOrder(id: Uint8Array): Uint8Array {
  return order(kinds.index, [id.subarray(0, indexIdBytes)]);
}

/** Sends `request` to the server. */
export function askOrder(request: Uint8Array): Uint8Array {
  return order(kinds.ask, [request]);
}

/** Takes `take` bytes of the body behind its first `skip`, as what follows the first `length` bytes of the file. */
export function takeOrder(skip: number, take: number, length: number): Uint8Array {
  const payload = Buffer.alloc(24);
  [skip, take, length].forEach((value, index) => {
    payload.writeBigUInt64LE(BigInt(value), index * 8);
  });
  return order(kinds.take, [payload]);
}

function order(kind: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 1);
  return Buffer.concat([u32(length), Uint8Array.of(kind), ...parts]);
}

function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function name(text: string): Uint8Array[] {
  const bytes = stringToBytes(text);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(bytes.length);
  return [length, bytes];
}
