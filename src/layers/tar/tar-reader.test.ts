import { describe, expect, test } from "bun:test";
import {
  type HostileMember,
  hostileMember,
  hostileTar,
  metadataMember,
  paxRecords,
} from "../../../tests/fixtures/hostile-tar.ts";
import type { TarEntry } from "./tar-entry.ts";
import { TarReader } from "./tar-reader.ts";

interface Read {
  readonly entries: TarEntry[];
  readonly contents: string[];
}

/** Feeds `archive` in chunks of `chunkBytes`: results must not depend on where chunks end. */
function read(archive: Uint8Array, chunkBytes = archive.length, maxEntries = 100): Read {
  const entries: TarEntry[] = [];
  const contents: string[] = [];
  let content = "";
  const reader = new TarReader(
    {
      begin: (entry) => {
        entries.push(entry);
        content = "";
      },
      data: (bytes) => {
        content += Buffer.from(bytes).toString("latin1");
      },
      hole: (length) => {
        content += ".".repeat(length);
      },
      end: () => contents.push(content),
    },
    maxEntries,
  );
  for (let at = 0; at < archive.length; at += chunkBytes) reader.push(archive.subarray(at, at + chunkBytes));
  reader.finish();
  return { entries, contents };
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const only = (member: HostileMember): TarEntry => {
  const entry = read(hostileTar([member])).entries[0];
  if (entry === undefined) throw new Error("no member was read");
  return entry;
};

describe("members", () => {
  test.each([1, 7, 511, 512, 513, 4096])("are the same whatever the chunks: %d bytes", (chunkBytes) => {
    const archive = hostileTar([
      { type: "5", name: "etc/", mode: 0o755, mtimeSeconds: 12 },
      { name: "etc/motd", content: text("hello".repeat(300)), mode: 0o4755, uid: 7, gid: 8, pax: { path: "etc/name" } },
      { type: "2", name: "link", linkName: "etc/name" },
    ]);
    expect(read(archive, chunkBytes)).toEqual(read(archive));
    expect(read(archive).contents).toEqual(["", "hello".repeat(300), ""]);
    expect(read(archive).entries[1]).toMatchObject({ name: "etc/name", mode: 0o4755, uid: 7, gid: 8, sizeBytes: 1500 });
  });

  test("PAX records win over the header, and only for their own member", () => {
    const archive = hostileTar([
      {
        name: "a",
        pax: { path: "long/name", uid: "70000", gid: "3000000000", mtime: "1.000000001", "SCHILY.xattr.user.k": "v" },
      },
      { name: "b" },
    ]);
    const [first, second] = read(archive).entries;
    expect(first).toMatchObject({ name: "long/name", uid: 70000, gid: 3_000_000_000, mtimeNs: 1_000_000_001n });
    expect(first?.xattrs.get("user.k")).toEqual(text("v"));
    expect(second).toMatchObject({ name: "b", uid: 0, mtimeNs: 0n });
    expect(second?.xattrs.size).toBe(0);
  });

  test("global PAX records say nothing about members, as for Go", () => {
    const archive = Buffer.concat([
      ...metadataMember("g", paxRecords({ uid: "5", comment: "x" })),
      ...hostileMember({ name: "a" }),
      ...hostileMember({ name: "b", pax: { uid: "6" } }),
      new Uint8Array(1024),
    ]);
    expect(read(archive).entries.map((entry) => entry.uid)).toEqual([0, 6]);
  });

  test("GNU long names and links are read to their NUL", () => {
    const long = `${"d/".repeat(200)}f`;
    const archive = Buffer.concat([
      ...metadataMember("L", text(`${long}\0rest`)),
      ...metadataMember("K", text(`${long}2\0`)),
      ...hostileMember({ type: "2", name: "short", linkName: "short" }),
      new Uint8Array(1024),
    ]);
    expect(read(archive).entries[0]).toMatchObject({ name: long, linkName: `${long}2`, kind: "symlink" });
  });

  test("a ustar prefix is the front of the name", () => {
    const entry = only({ name: "name", patch: (block) => block.set(text("some/prefix"), 345) });
    expect(entry.name).toBe("some/prefix/name");
  });

  test("names that are not UTF-8 keep their bytes", () => {
    const entry = only({ name: "cafe", patch: (block) => block.set([0xe9], 3) });
    expect(entry.name).toBe("caf\udce9");
  });

  test("a name with a slash at its end is a directory, as for Go", () => {
    expect(only({ name: "old/" }).kind).toBe("directory");
  });

  test("a link's size field is not content", () => {
    const archive = hostileTar([{ type: "1", name: "l", linkName: "f", claimedBytes: 512 }, { name: "after" }]);
    expect(read(archive).entries.map((entry) => entry.name)).toEqual(["l", "after"]);
  });

  test("base-256 numbers hold what octal cannot", () => {
    const entry = only({ name: "f", patch: (block) => block.set([0x80, 0, 0, 0, 0x80, 0, 0, 0], 108) });
    expect(entry.uid).toBe(0x8000_0000);
    const old = only({ name: "f", patch: (block) => block.set(new Uint8Array(12).fill(0xff), 136) });
    expect(old.mtimeNs).toBe(-1_000_000_000n);
  });

  test("an archive may end without its closing zeros", () => {
    expect(read(Buffer.concat(hostileMember({ name: "f" }))).entries).toHaveLength(1);
  });

  test("what follows the end is not read", () => {
    const archive = Buffer.concat([hostileTar([{ name: "f" }]), ...hostileMember({ name: "smuggled" })]);
    expect(read(archive).entries.map((entry) => entry.name)).toEqual(["f"]);
  });
});

describe("refuses", () => {
  const huge = (2 ** 53).toString();
  const member = hostileMember({ name: "f", content: text("content") });
  test.each<[string, Uint8Array]>([
    ["a PAX header that claims 2^53 bytes", Buffer.concat(metadataMember("x", text(""), 0o77777777777))],
    ["a PAX header over a mebibyte", Buffer.concat(metadataMember("x", new Uint8Array(1024 * 1024 + 1)))],
    ["a long name over a mebibyte", Buffer.concat(metadataMember("L", new Uint8Array(1024 * 1024 + 1)))],
    ["a PAX size out of range", hostileTar([{ name: "f", pax: { size: huge } }])],
    ["a negative PAX size", hostileTar([{ name: "f", pax: { size: "-1" } }])],
    ["a negative base-256 size", hostileTar([{ name: "f", patch: (block) => block.fill(0xff, 124, 136) }])],
    ["a base-256 size over 2^53", hostileTar([{ name: "f", patch: (block) => block.set([0x80, 0, 0, 0, 0x7f], 124) }])],
    ["a size that is not octal", hostileTar([{ name: "f", patch: (block) => block.set(text("-0000000001"), 124) }])],
    ["uid 2^32-1, which chown ignores", hostileTar([{ name: "f", pax: { uid: "4294967295" } }])],
    [
      "a PAX record without a newline",
      hostileTar([{ name: "f", pax: { "a=b": "c" }, patch: () => undefined }]).with(512 + 7, 0),
    ],
    ["a PAX record longer than its header", Buffer.concat(metadataMember("x", text("99 a=b\n")))],
    ["a PAX record that ends before it begins", Buffer.concat(metadataMember("x", text("3 a=b\n")))],
    ["a PAX record length that is no number", Buffer.concat(metadataMember("x", text("1e1 a=b\n")))],
    ["a map of more bytes than there are", hostileTar([{ name: "f", pax: { "GNU.sparse.map": "0,1" } }])],
    ["an unknown type", hostileTar([{ type: "Z", name: "f" }])],
    ["a NUL in a PAX name", hostileTar([{ name: "f", pax: { path: "a\0b" } }])],
    ["a wrong checksum", hostileTar([{ name: "f" }]).with(0, 0x67)],
    ["a member cut short", Buffer.concat(member).subarray(0, 515)],
    ["a header cut short", Buffer.concat(member).subarray(0, 100)],
    ["a member after a block of zeros", Buffer.concat([new Uint8Array(512), ...member])],
    ["an end after an extended header", Buffer.concat(metadataMember("x", paxRecords({ path: "f" })))],
    ["more members than allowed", hostileTar(Array.from({ length: 101 }, (_, i) => ({ name: `f${i}` })))],
    [
      "endless extended headers",
      Buffer.concat(Array.from({ length: 101 }, () => metadataMember("g", text(""))).flat()),
    ],
  ])("%s", (_name, archive) => {
    expect(() => read(archive)).toThrow(/^layer archive is (damaged|refused): /);
  });
});
