import { bytesToString } from "../../oci/byte-string.ts";
import { damagedLayer } from "../layer-error.ts";

export const blockBytes = 512;

/** The fixed fields of one 512-byte header as they stand, before PAX and GNU extensions are merged in. */
export interface TarHeader {
  readonly type: string;
  readonly name: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

/**
 * Parses a header block: ustar (POSIX.1-1988), GNU and V7; numbers in octal or base-256.
 * @returns undefined for a block of zeros, which ends an archive.
 * @throws {CribError} data-loss when the checksum or a number is wrong.
 */
export function parseTarHeader(block: Uint8Array): TarHeader | undefined {
  const sums = checksums(block);
  if (sums.unsigned === zeroBlockSum && block.every((byte) => byte === 0)) return undefined;
  const expected = parseTarNumber(block, 148, 8, "checksum");
  if (expected !== sums.unsigned && expected !== sums.signed) throw damagedLayer("header checksum does not match");
  const magic = String.fromCharCode(...block.subarray(257, 263));
  const posix = magic === "ustar\0";
  const gnu = magic === "ustar ";
  // star's header is ustar's with a shorter prefix and two times behind it.
  const star = posix && String.fromCharCode(...block.subarray(508, 512)) === "tar\0";
  const prefix = posix ? parseText(block, 345, star ? 131 : 155) : "";
  const name = parseText(block, 0, 100);
  return {
    type: block[156] === 0 ? "0" : String.fromCharCode(block[156] ?? 0),
    name: prefix === "" ? name : `${prefix}/${name}`,
    linkName: parseText(block, 157, 100),
    mode: parseTarNumber(block, 100, 8, "mode"),
    uid: parseTarNumber(block, 108, 8, "uid"),
    gid: parseTarNumber(block, 116, 8, "gid"),
    sizeBytes: parseTarNumber(block, 124, 12, "size"),
    mtimeSeconds: parseTarNumber(block, 136, 12, "mtime"),
    deviceMajor: posix || gnu ? parseTarNumber(block, 329, 8, "device major") : 0,
    deviceMinor: posix || gnu ? parseTarNumber(block, 337, 8, "device minor") : 0,
  };
}

const space = 0x20;
const zeroBlockSum = 8 * space;

/** The checksum field itself counts as eight spaces. Some old archives summed signed bytes. */
function checksums(block: Uint8Array): { unsigned: number; signed: number } {
  let unsigned = 0;
  let high = 0;
  for (let i = 0; i < blockBytes; i++) {
    const byte = i >= 148 && i < 156 ? space : (block[i] ?? 0);
    unsigned += byte;
    if (byte >= 0x80) high++;
  }
  return { unsigned, signed: unsigned - high * 256 };
}

function parseText(block: Uint8Array, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return bytesToString(end === -1 ? field : field.subarray(0, end));
}

/** Octal digits between spaces and NULs, or, with the top bit set, a big-endian two's complement number. */
export function parseTarNumber(block: Uint8Array, at: number, length: number, what: string): number {
  const first = block[at] ?? 0;
  if (first & 0x80) return parseBase256(block, at, length, what);
  let i = at;
  const end = at + length;
  while (i < end && (block[i] === space || block[i] === 0)) i++;
  let value = 0;
  for (; i < end; i++) {
    const byte = block[i] ?? 0;
    if (byte === space || byte === 0) break;
    if (byte < 0x30 || byte > 0x37) throw damagedLayer(`${what} in a header is not an octal number`);
    value = value * 8 + (byte - 0x30);
  }
  for (; i < end && block[i] !== 0; i++) {
    if (block[i] !== space) throw damagedLayer(`${what} in a header is not an octal number`);
  }
  return value;
}

function parseBase256(block: Uint8Array, at: number, length: number, what: string): number {
  const negative = ((block[at] ?? 0) & 0x40) !== 0;
  let value = BigInt((block[at] ?? 0) & 0x3f);
  if (negative) value -= 64n;
  for (let i = at + 1; i < at + length; i++) value = value * 256n + BigInt(block[i] ?? 0);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw damagedLayer(`${what} in a header is out of range`);
  return number;
}
