import { bytesToString } from "../../oci/byte-string.ts";
import { damagedLayer, refusedLayer } from "../layer-error.ts";
import { type PaxRecords, parsePaxInteger, parsePaxTime } from "./pax.ts";
import { sparseForm } from "./sparse-map.ts";
import type { TarEntry, TarEntryKind } from "./tar-entry.ts";
import type { TarHeader } from "./tar-header.ts";

const kindByType: Readonly<Record<string, TarEntryKind | undefined>> = {
  "0": "file",
  "7": "file",
  S: "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

const xattrPrefix = "SCHILY.xattr.";
const maxId = 0xffff_fffe;

/** What came before a member's header and is about it alone. */
export interface HeaderExtensions {
  readonly records: PaxRecords;
  readonly longName: string | undefined;
  readonly longLink: string | undefined;
}

/** PAX records win over GNU long names, those over the header; names and sizes of sparse files over all. */
export function mergeHeaders(header: TarHeader, extensions: HeaderExtensions): TarEntry {
  const { records, longName, longLink } = extensions;
  const field = (keyword: string): Uint8Array | undefined => {
    const value = records.get(keyword);
    return value === undefined || value.length === 0 ? undefined : value;
  };
  const path = field("GNU.sparse.name") ?? field("path");
  const linkPath = field("linkpath");
  const size = field("size");
  const realSize = field("GNU.sparse.size") ?? field("GNU.sparse.realsize");
  const uid = field("uid");
  const gid = field("gid");
  const mtime = field("mtime");
  const name = path ? bytesToString(path) : (longName ?? header.name);
  const linkName = linkPath ? bytesToString(linkPath) : (longLink ?? header.linkName);
  if (name.includes("\0") || linkName.includes("\0")) throw refusedLayer("a name holds a NUL byte");
  const kind = header.type === "0" && name.endsWith("/") ? "directory" : kindByType[header.type];
  if (kind === undefined)
    throw refusedLayer(`member ${quotedName(name)} has unknown type ${JSON.stringify(header.type)}`);
  const storedBytes = size ? parsePaxInteger(size, "size") : header.sizeBytes;
  if (storedBytes < 0) throw damagedLayer(`member ${quotedName(name)} has a negative size`);
  const isSparse = header.type === "S" || sparseForm(records) !== undefined;
  const sizeBytes = realSize && isSparse ? parsePaxInteger(realSize, "GNU.sparse.size") : storedBytes;
  return {
    kind,
    name,
    linkName: kind === "hardlink" || kind === "symlink" ? linkName : "",
    mode: header.mode & 0o7777,
    uid: checkId(uid ? parsePaxInteger(uid, "uid") : header.uid, "uid", name),
    gid: checkId(gid ? parsePaxInteger(gid, "gid") : header.gid, "gid", name),
    sizeBytes: kind === "file" ? sizeBytes : 0,
    storedBytes: kind === "file" ? storedBytes : 0,
    mtimeNs: mtime ? parsePaxTime(mtime, "mtime") : BigInt(header.mtimeSeconds) * 1_000_000_000n,
    deviceMajor: header.deviceMajor,
    deviceMinor: header.deviceMinor,
    xattrs: xattrsOf(records),
  };
}

function xattrsOf(records: PaxRecords): ReadonlyMap<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (const [keyword, value] of records) {
    if (keyword.startsWith(xattrPrefix)) xattrs.set(keyword.slice(xattrPrefix.length), value);
  }
  return xattrs;
}

/** A member's name as errors show it. */
export function quotedName(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}

/** 2³²−1 is chown's "leave as it is", not an owner. */
function checkId(id: number, what: string, name: string): number {
  if (id < 0 || id > maxId) throw refusedLayer(`member ${quotedName(name)} has ${what} ${id}`);
  return id;
}
