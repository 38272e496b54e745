import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { UnpackResult } from "../../src/layers/apply-messages.ts";
import { defaultLayerLimits, type LayerLimits } from "../../src/layers/layer-limits.ts";
import { createLayerWorkers } from "../../src/layers/layer-workers.ts";
import { hostileArchives } from "../fixtures/hostile-archives.ts";
import { type HostileMember, hostileMember, hostileTar } from "../fixtures/hostile-tar.ts";
import { describeTree } from "../harness/describe-tree.ts";
import { readXattr } from "../harness/read-xattr.ts";
import { openWorkspace } from "../harness/workspace.ts";

// Needs root: owners, devices and trusted attributes are what it is about.
const workspace = openWorkspace("layers");
const workers = createLayerWorkers();
const layer = join(workspace.path, "layer");
const host = join(workspace.path, "host");
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

afterAll(() => {
  workers[Symbol.dispose]();
  workspace.remove();
});

/** A victim beside the layer, with a path that archives can guess. */
beforeEach(() => {
  rmSync(layer, { recursive: true, force: true });
  rmSync(host, { recursive: true, force: true });
  mkdirSync(join(host, "sub"), { recursive: true });
  writeFileSync(join(host, "secret"), "secret", { mode: 0o600 });
  writeFileSync(join(host, "sub/file"), "kept", { mode: 0o640 });
});

async function unpack(blob: Uint8Array, limits: Partial<LayerLimits> = {}): Promise<UnpackResult> {
  const blobPath = join(workspace.path, "blob");
  writeFileSync(blobPath, blob);
  const job = workers.unpack({
    blobPaths: [blobPath],
    directory: layer,
    rewritten: [],
    limits: { ...defaultLayerLimits, ...limits },
  });
  job.advance(blob.length, true);
  return await job.result;
}

const unpackMembers = (members: readonly HostileMember[]): Promise<UnpackResult> => unpack(hostileTar(members));

describe("an archive that tries to leave its layer", () => {
  const attacks = hostileArchives(host);

  test.each(attacks)("%s", async (_name, members) => {
    const before = describeTree(host);
    const outcome = await unpackMembers(members).then(
      () => "unpacked",
      (error: Error) => error.message,
    );
    expect(outcome).toMatch(/^unpacked$|^layer archive is refused: /);
    expect(describeTree(host)).toEqual(before);
    expect(readdirSync(workspace.path).sort()).toEqual(["blob", "host", "layer"]);
    // No inode of the host is in the layer.
    expect(lstatSync(join(host, "secret")).nlink).toBe(1);
  });
});

describe("whiteouts", () => {
  test.each([".wh.", ".wh..", ".wh...", "d/.wh.."])("%p is refused", async (name) => {
    expect(await failure(unpackMembers([{ name }]))).toHaveProperty("message", expect.stringMatching("names no file"));
  });

  test("become what overlayfs reads", async () => {
    await unpackMembers([
      { name: "d/.wh.gone" },
      { type: "5", name: "o/" },
      { name: "o/.wh..wh..opq" },
      { name: "o/new" },
    ]);
    const gone = lstatSync(join(layer, "d/gone"));
    expect([gone.isCharacterDevice(), gone.rdev]).toEqual([true, 0]);
    expect(xattr(join(layer, "o"), "trusted.overlay.opaque")).toBe("y");
    expect(readdirSync(join(layer, "o"))).toEqual(["new"]);
    expect(readdirSync(layer).sort()).toEqual(["d", "o"]);
  });

  test("never hide what their own layer brings, in either order", async () => {
    await unpackMembers([
      { name: "a", content: text("a") },
      { name: ".wh.a" },
      { name: ".wh.b" },
      { name: "b", content: text("b") },
      { name: ".wh.c" },
      { name: "c/in", content: text("c") },
      { type: "5", name: "e/" },
      { name: ".wh.e" },
      { name: ".wh.f" },
      { type: "5", name: "f/" },
    ]);
    expect(readFileSync(join(layer, "a"), "utf8")).toBe("a");
    expect(readFileSync(join(layer, "b"), "utf8")).toBe("b");
    expect(readFileSync(join(layer, "c/in"), "utf8")).toBe("c");
    for (const name of ["c", "e", "f"]) expect(xattr(join(layer, name), "trusted.overlay.opaque")).toBe("y");
  });

  test("at the root make the layer opaque", async () => {
    await unpackMembers([{ name: ".wh..wh..opq" }, { name: "only" }]);
    expect(xattr(layer, "trusted.overlay.opaque")).toBe("y");
  });

  test("of the aufs driver are not content", async () => {
    await unpackMembers([{ name: ".wh..wh.plnk/1.2" }, { name: ".wh..wh.aufs" }, { name: "f" }]);
    expect(readdirSync(layer)).not.toContain(".wh..wh.aufs");
  });
});

describe("what a member says", () => {
  test("setuid survives its owner, and capabilities survive both", async () => {
    const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");
    await unpackMembers([
      {
        name: "su",
        mode: 0o6755,
        uid: 1000,
        gid: 1001,
        mtimeSeconds: 1234567890,
        content: text("x"),
        pax: { mtime: "1234567890.123456789" },
      },
      {
        name: "ping",
        mode: 0o755,
        uid: 3,
        pax: { "SCHILY.xattr.security.capability": capability, "SCHILY.xattr.user.note": "hi" },
      },
      { type: "5", name: "tmp/", mode: 0o1777, mtimeSeconds: 99 },
      { name: "tmp/later", content: text("y") },
    ]);
    const su = lstatSync(join(layer, "su"), { bigint: true });
    expect([su.mode & 0o7777n, su.uid, su.gid, su.mtimeNs]).toEqual([0o6755n, 1000n, 1001n, 1234567890123456789n]);
    expect(readXattr(join(layer, "ping"), "security.capability")).toEqual(capability);
    expect(xattr(join(layer, "ping"), "user.note")).toBe("hi");
    expect(lstatSync(join(layer, "tmp")).mode & 0o7777).toBe(0o1777);
    expect(lstatSync(join(layer, "tmp")).mtimeMs).toBe(99_000);
  });

  test("overlay's own attributes and security labels are dropped", async () => {
    const names = [
      "trusted.overlay.redirect",
      "trusted.overlay.opaque",
      "user.overlay.redirect",
      "security.selinux",
      "trusted.x",
    ];
    await unpackMembers([
      { type: "5", name: "d/", pax: Object.fromEntries(names.map((name) => [`SCHILY.xattr.${name}`, "/../.."])) },
      { name: "f", pax: { "SCHILY.xattr.user.overlay.metacopy": "" } },
    ]);
    for (const name of names) expect(xattr(join(layer, "d"), name)).toBeUndefined();
    expect(xattr(join(layer, "f"), "user.overlay.metacopy")).toBeUndefined();
  });

  test("devices and fifos keep type, numbers, mode and owner", async () => {
    await unpackMembers([
      { type: "3", name: "null", mode: 0o666, deviceMajor: 1, deviceMinor: 3, gid: 4 },
      { type: "4", name: "loop", mode: 0o660, deviceMajor: 7, deviceMinor: 300 },
      { type: "6", name: "pipe", mode: 0o622, mtimeSeconds: 5 },
    ]);
    expect(
      Bun.spawnSync([
        "stat",
        "-c",
        "%F %t:%T %a %g",
        join(layer, "null"),
        join(layer, "loop"),
        join(layer, "pipe"),
      ]).stdout.toString(),
    ).toBe("character special file 1:3 666 4\nblock special file 7:12c 660 0\nfifo 0:0 622 0\n");
  });

  test("hard links share an inode, a link can be linked", async () => {
    await unpackMembers([
      { name: "bin/one", content: text("1"), mode: 0o755 },
      { type: "1", name: "two", linkName: "bin/one" },
      { type: "1", name: "bin/three", linkName: "/bin/one" },
      { type: "2", name: "soft", linkName: "nowhere" },
      { type: "1", name: "soft2", linkName: "soft" },
    ]);
    expect(statSync(join(layer, "two")).ino).toBe(statSync(join(layer, "bin/one")).ino);
    expect(statSync(join(layer, "two")).nlink).toBe(3);
    expect(readlinkSync(join(layer, "soft2"))).toBe("nowhere");
  });

  test("a later member takes the place of an earlier one", async () => {
    await unpackMembers([
      { name: "f", content: text("old") },
      { name: "f", content: text("new") },
      { type: "5", name: "d/" },
      { name: "d/in", content: text("x") },
      { name: "d", content: text("file now") },
      { name: "g", content: text("x") },
      { type: "5", name: "g/" },
      { name: "g/in", content: text("kept") },
      { type: "5", name: "g/", mode: 0o700 },
      { name: "h", content: text("mine") },
      { type: "1", name: "i", linkName: "h" },
      { name: "i", content: text("apart") },
    ]);
    expect(readFileSync(join(layer, "f"), "utf8")).toBe("new");
    expect(readFileSync(join(layer, "d"), "utf8")).toBe("file now");
    expect(readFileSync(join(layer, "g/in"), "utf8")).toBe("kept");
    expect(statSync(join(layer, "g")).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(layer, "h"), "utf8")).toBe("mine");
  });

  test("long, odd and non-UTF-8 names are kept byte for byte", async () => {
    const long = `${"directory/".repeat(30)}${"n".repeat(255)}`;
    await unpack(
      Buffer.concat([
        ...hostileMember({ name: "x", pax: { path: long }, content: text("deep") }),
        ...hostileMember({ name: "cafe", patch: (block) => block.set([0xe9], 3) }),
        ...hostileMember({ name: "new\nline \ufeff" }),
        new Uint8Array(1024),
      ]),
    );
    expect(readFileSync(join(layer, long), "utf8")).toBe("deep");
    const names = readdirSync(layer, { encoding: "buffer" }).map((name) => name.toString("hex"));
    expect(names).toContain("636166e9");
    expect(names).toContain(Buffer.from("new\nline \ufeff").toString("hex"));
  });

  test("the root's own member sets the layer's directory", async () => {
    await unpackMembers([{ type: "5", name: "./", mode: 0o711, uid: 5, gid: 6, mtimeSeconds: 7 }, { name: "f" }]);
    const root = statSync(layer);
    expect([root.mode & 0o7777, root.uid, root.gid, root.mtimeMs]).toEqual([0o711, 5, 6, 7000]);
  });

  test("a name over NAME_MAX or PATH_MAX is refused", async () => {
    expect(await failure(unpackMembers([{ name: "x", pax: { path: "n".repeat(256) } }]))).toHaveProperty(
      "message",
      expect.stringMatching("refused"),
    );
    rmSync(layer, { recursive: true, force: true });
    expect(await failure(unpackMembers([{ name: "x", pax: { path: "d/".repeat(2048) } }]))).toHaveProperty(
      "message",
      expect.stringMatching("refused"),
    );
  });
});

describe("directories without a member of their own", () => {
  test("take owner and mode from the layers below, and follow their links", async () => {
    const below = join(workspace.path, "below");
    rmSync(below, { recursive: true, force: true });
    const first = hostileTar([
      { type: "5", name: "tmp/", mode: 0o1777, uid: 3, mtimeSeconds: 50 },
      { type: "5", name: "usr/lib/", mode: 0o750 },
      { type: "2", name: "lib", linkName: "usr/lib" },
    ]);
    await unpack(first);
    Bun.spawnSync(["mv", layer, below]);
    const second = hostileTar([{ name: "tmp/x" }, { name: "lib/mod/y" }, { name: "lib/z" }]);
    const unpacked = await unpack(second);
    const { implicit } = unpacked;
    expect([...implicit].sort()).toEqual(["", "lib", "lib/mod", "tmp"]);
    const { rewritten } = await workers.inherit(layer, unpacked, [below]);
    expect(rewritten).toEqual([["lib", "usr/lib"]]);
    await workers.remove(workspace.path, "layer");
    const job = workers.unpack({
      blobPaths: [join(workspace.path, "blob")],
      directory: layer,
      rewritten,
      limits: defaultLayerLimits,
    });
    job.advance(second.length, true);
    expect((await workers.inherit(layer, await job.result, [below])).rewritten).toEqual([]);
    const tmp = statSync(join(layer, "tmp"));
    expect([tmp.mode & 0o7777, tmp.uid, tmp.mtimeMs]).toEqual([0o1777, 3, 50_000]);
    expect(statSync(join(layer, "usr/lib")).mode & 0o777).toBe(0o750);
    expect(readdirSync(join(layer, "usr/lib")).sort()).toEqual(["mod", "z"]);
    expect(readdirSync(layer).sort()).toEqual(["tmp", "usr"]);
    rmSync(below, { recursive: true });
  });
});

describe("bombs and damage", () => {
  const small: Partial<LayerLimits> = {
    ratioFreeBytes: 1024 * 1024,
    maxArchiveBytes: 64 * 1024 * 1024,
    maxEntries: 5000,
  };
  const zeros = (mebibytes: number): Uint8Array =>
    hostileTar([{ name: "zeros", content: new Uint8Array(mebibytes * 1024 * 1024) }]);

  test("gzip that unpacks to hundreds of times its size is stopped", async () => {
    expect(await failure(unpack(gzipSync(zeros(32)), small))).toHaveProperty(
      "message",
      expect.stringMatching("times its size"),
    );
  });

  test("concatenated gzip members count together", async () => {
    const one = gzipSync(zeros(8));
    expect(await failure(unpack(Buffer.concat(Array.from({ length: 50 }, () => one)), small))).toHaveProperty(
      "message",
      expect.stringMatching(/times its size|more than/),
    );
  });

  test("an archive over the limit is stopped", async () => {
    expect(await failure(unpack(zeros(65), small))).toHaveProperty(
      "message",
      expect.stringMatching("more than 67108864 bytes"),
    );
  });

  test("more files than the limit are stopped", async () => {
    const members = Array.from({ length: 5001 }, (_, i) => ({ name: `f${i}` }));
    expect(await failure(unpack(gzipSync(hostileTar(members)), { ...small, maxRatio: 10_000 }))).toHaveProperty(
      "message",
      expect.stringMatching("more than 5000 members"),
    );
  });

  test("directories that no member names are bounded, too", async () => {
    const members = Array.from({ length: 50 }, (_, i) => ({ name: "x", pax: { path: `${i}${"/d".repeat(1000)}` } }));
    const refused = await failure(unpack(gzipSync(hostileTar(members)), { ...small, maxDirectoryNameBytes: 1 << 20 }));
    expect(refused).toHaveProperty("message", expect.stringMatching("too many directories"));
    await workers.remove(workspace.path, "layer");
  });

  test("a full disk is told before it is full", async () => {
    expect(await failure(unpack(hostileTar([{ name: "f" }]), { minFreeBytes: 1e15 }))).toMatchObject({
      code: "resource-exhausted",
    });
  });

  test("a zstd window over 128 MiB is not allocated", async () => {
    // Frame header: no single segment, windowLog 31 (RFC 8878 §3.1.1.1.2), then one raw block.
    const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00]);
    expect(await failure(unpack(frame, small))).toMatchObject({ code: "data-loss" });
  });

  test.each([
    ["gzip", (tar: Uint8Array): Uint8Array => gzipSync(tar)],
    ["zstd", (tar: Uint8Array): Uint8Array => zstdCompressSync(tar)],
    ["nothing", (tar: Uint8Array): Uint8Array => tar],
  ])("compressed with %s: whole it unpacks, cut short or garbled it is damage", async (_name, compress) => {
    const noise = crypto.getRandomValues(new Uint8Array(60_000));
    const blob = compress(hostileTar([{ name: "noise", content: noise }]));
    await unpack(blob);
    expect(new Uint8Array(readFileSync(join(layer, "noise")))).toEqual(noise);
    rmSync(layer, { recursive: true });
    expect(await failure(unpack(blob.subarray(0, 30_000)))).toMatchObject({ code: "data-loss" });
    rmSync(layer, { recursive: true, force: true });
    expect(await failure(unpack(blob.with(2, 0xff).with(150, 0xff).with(20, 0xff)))).toMatchObject({
      code: "data-loss",
    });
  });

  test("an empty blob is damage", async () => {
    expect(await failure(unpack(new Uint8Array(0)))).toMatchObject({ code: "data-loss" });
  });
});

describe("removing a tree", () => {
  test("copes with 20000 levels and names of every kind", async () => {
    // In memory: making so many directories takes a disk half a minute, and is not what is asked.
    const parent = mkdtempSync("/dev/shm/crib-deep-");
    const root = join(parent, "deep");
    mkdirSync(root);
    const script = `import os\nos.chdir(${JSON.stringify(root)})\nfor i in range(20000):\n  os.mkdir('d'); os.chdir('d')\nopen('f','w').close(); open(b'\\xff','w').close()\n`;
    expect(Bun.spawnSync(["python3", "-c", script]).exitCode).toBe(0);
    await workers.remove(parent, "deep");
    expect(readdirSync(parent)).toEqual([]);
    rmSync(parent, { recursive: true });
  });

  test("does not follow links, and finds nothing a success", async () => {
    const before = describeTree(host);
    Bun.spawnSync(["ln", "-s", host, join(workspace.path, "link")]);
    await workers.remove(workspace.path, "link");
    await workers.remove(workspace.path, "link");
    expect(describeTree(host)).toEqual(before);
  });
});

test("an archive of GNU tar unpacks to what GNU tar unpacks", async () => {
  const source = join(workspace.path, "source");
  const reference = join(workspace.path, "reference");
  const script = `set -e; rm -rf ${source} ${reference}; mkdir -p ${source}/a/b ${reference}; cd ${source}
    cp /bin/true a/b/su; chown 12:34 a/b/su; chmod 6711 a/b/su; ln a/b/su hard; ln -s a/b/su soft; chown -h 5:6 soft
    mknod null c 1 3; chmod 644 null; mkfifo pipe; mkdir -m 1777 t; chown 70000:70001 t; touch -h -d @1.5 soft; touch -d '1971-01-01' old
    touch ${"n".repeat(200)}; dd if=/dev/urandom of=big bs=1M count=3 status=none; touch -d @12345.678 a/b a
    tar --xattrs --format=posix -cf ${workspace.path}/archive.tar . ; tar --numeric-owner --xattrs --same-permissions -xf ${workspace.path}/archive.tar -C ${reference}`;
  const made = Bun.spawnSync(["sh", "-c", script]);
  expect(made.stderr.toString()).toBe("");
  await unpack(readFileSync(join(workspace.path, "archive.tar")));
  expect(describeTree(layer)).toEqual(describeTree(reference));
  for (const path of [source, reference, join(workspace.path, "archive.tar")]) rmSync(path, { recursive: true });
});

/** Not `expect().rejects`: that waits in a loop of its own, in which a worker's answer never arrives. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function xattr(path: string, name: string): string | undefined {
  return readXattr(path, name)?.toString("latin1");
}
