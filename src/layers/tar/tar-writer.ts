import { internal } from "../../errors/crib-error.ts";

export interface TarMember {
  /** One ustar type character: "0" file, "5" directory, "2" symbolic link, … */
  readonly type?: string;
  readonly name: string;
  readonly linkName?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtimeSeconds?: number;
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
  readonly content?: Uint8Array;
}

/** A deterministic ustar archive: same members, same bytes. Names up to 100 bytes; times default to the epoch. */
export function writeTar(members: readonly TarMember[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const member of members) {
    const content = member.content ?? new Uint8Array(0);
    parts.push(writeTarHeader(member, content.length), content, new Uint8Array((512 - (content.length % 512)) % 512));
  }
  parts.push(new Uint8Array(1024));
  return new Uint8Array(Buffer.concat(parts));
}

/** One header block; `sizeBytes` is what the size field says. */
export function writeTarHeader(member: TarMember, sizeBytes: number): Uint8Array {
  const block = new Uint8Array(512);
  putText(block, 0, 100, member.name);
  putOctal(block, 100, 8, member.mode ?? (member.type === "5" ? 0o755 : 0o644));
  putOctal(block, 108, 8, member.uid ?? 0);
  putOctal(block, 116, 8, member.gid ?? 0);
  putSize(block, sizeBytes);
  putOctal(block, 136, 12, member.mtimeSeconds ?? 0);
  block.fill(0x20, 148, 156);
  block[156] = (member.type ?? "0").charCodeAt(0);
  putText(block, 157, 100, member.linkName ?? "");
  putText(block, 257, 8, "ustar\u000000");
  putOctal(block, 329, 8, member.deviceMajor ?? 0);
  putOctal(block, 337, 8, member.deviceMinor ?? 0);
  const sum = block.reduce((total, byte) => total + byte, 0);
  putText(block, 148, 8, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

function putText(block: Uint8Array, at: number, length: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > length) throw internal(`tar field of ${length} bytes cannot hold ${JSON.stringify(text)}`);
  block.set(bytes, at);
}

/** Octal has room for 8 GiB; beyond, in base 256 as GNU and PAX readers know it. */
function putSize(block: Uint8Array, sizeBytes: number): void {
  if (sizeBytes < 8 ** 11) putOctal(block, 124, 12, sizeBytes);
  else {
    block[124] = 0x80;
    new DataView(block.buffer, block.byteOffset).setBigUint64(128, BigInt(sizeBytes));
  }
}

function putOctal(block: Uint8Array, at: number, length: number, value: number): void {
  putText(block, at, length, value.toString(8).padStart(length - 1, "0"));
}
