import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { CribError } from "../../src/errors/crib-error.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import { defaultLayerLimits, type LayerLimits } from "../../src/layers/layer-limits.ts";
import { createLayerWorkers } from "../../src/layers/layer-workers.ts";
import { LayerProcesses } from "../../src/layers/native/layer-processes.ts";
import { hostileArchives, oddArchives } from "../fixtures/hostile-archives.ts";
import { hostileMember, hostileTar, metadataMember, paxRecords } from "../fixtures/hostile-tar.ts";
import { tarTable } from "../fixtures/tar-table.ts";
import { describeTree } from "../harness/describe-tree.ts";
import { readXattr } from "../harness/read-xattr.ts";
import { openWorkspace } from "../harness/workspace.ts";

// Needs root, and a kernel that mounts EROFS from files (6.12) and takes for a layer what is attached nowhere (6.15).
const workspace = openWorkspace("erofs");
const kernel = createLinuxKernel();
const workers = createLayerWorkers();
const processes = new LayerProcesses(kernel);
const host = join(workspace.path, "host");
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

afterAll(() => {
  workers[Symbol.dispose]();
  processes[Symbol.dispose]();
  workspace.remove();
});

/** A victim beside the layers, with a path that archives can guess. */
beforeEach(() => {
  for (const name of readdirSync(workspace.path)) rmSync(join(workspace.path, name), { recursive: true, force: true });
  mkdirSync(join(host, "sub"), { recursive: true });
  writeFileSync(join(host, "secret"), "secret", { mode: 0o600 });
});

interface Outcome {
  /** What there is, or the code of the refusal. */
  readonly tree: readonly string[] | string;
  readonly implicit?: readonly string[];
  readonly diffId?: string;
}

const inWorkspace = (name: string): string => join(workspace.path, name);

async function outcomeOf(run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof CribError && error.code !== "internal") return { tree: error.code };
    throw error;
  }
}

/** What overlayfs and a process in a container see of it: whiteouts are as they are, their times nobody's business. */
function seen(root: string): readonly string[] {
  const attributes = ["trusted.overlay.opaque", "security.capability", "user.note", "system.posix_acl_access"];
  return describeTree(root).map((line) => {
    const name = line.slice(0, line.indexOf(" "));
    const path = `${root}/${Buffer.from(name, "latin1").toString()}`;
    const values = attributes.map((attribute) => readXattr(path, attribute)?.toString("hex"));
    return / 2[0-7]{4} .*first=\S+ 0$/.test(line) ? `${name} whiteout` : `${line} ${values.join()}`;
  });
}

/** The reader and writer of src/layers, into a tree of files. */
const intoDirectory = (blob: string, limits: LayerLimits): Promise<Outcome> =>
  outcomeOf(async () => {
    const directory = inWorkspace("tree");
    const job = workers.unpack({ blobPaths: [blob], directory, rewritten: [], limits });
    job.advance(Bun.file(blob).size, true);
    const { implicit, diffId } = await job.result;
    return { tree: seen(directory), implicit: [...implicit].sort(), diffId };
  });

/** Those of ffi/layers, into an archive and its index, which is mounted. */
const intoArchive = (blob: string, limits: LayerLimits): Promise<Outcome> =>
  outcomeOf(async () => {
    const [archivePath, indexPath] = [inWorkspace("archive"), inWorkspace("index")];
    using unpacking = await processes.start({ blobPaths: [blob], archivePath, indexPath, limits });
    unpacking.advance(Bun.file(blob).size, true);
    const { implicit, diffId } = await unpacking.parsed();
    await unpacking.index(crypto.getRandomValues(new Uint8Array(16)));
    const mount = await workers.mount(indexPath, archivePath);
    try {
      return { tree: seen(`/proc/self/fd/${mount}/.`), implicit: [...implicit].sort(), diffId };
    } finally {
      await workers.close(mount);
    }
  });

async function bothOf(archive: Uint8Array, limits: Partial<LayerLimits> = {}): Promise<Outcome> {
  const blob = inWorkspace("blob");
  writeFileSync(blob, archive);
  const all = { ...defaultLayerLimits, ...limits };
  const directory = await intoDirectory(blob, all);
  const found = await intoArchive(blob, all);
  // What no index can say becomes a directory.
  if (found.tree !== "unimplemented") expect(found).toEqual(directory);
  return directory;
}

describe("an archive and its index are the tree that the archive unpacks to", () => {
  test.each(tarTable.map(({ name, blob, expected }) => [name, blob, expected] as const))(
    "%s",
    async (_name, blob, expected) => {
      const { tree } = await bothOf(blob);
      expect(typeof tree).toBe("refused" in expected && expected.refused instanceof RegExp ? "string" : "object");
    },
  );

  test.each([...hostileArchives(host), ...oddArchives()])("%s", async (_name, members) => {
    const before = describeTree(host);
    await bothOf(hostileTar(members));
    expect(describeTree(host)).toEqual(before);
  });

  test("many names, long names, names of every byte", async () => {
    const names = Array.from({ length: 3000 }, (_, i) => ({
      name: "x",
      content: text(`${i}`),
      pax: { path: `d/${i}${"n".repeat(i % 240)}` },
    }));
    const bytes = Array.from({ length: 254 }, (_, i) => i + 1).filter((byte) => byte !== 0x2e && byte !== 0x2f);
    const odd = bytes.flatMap((byte) => hostileMember({ name: "o/x", patch: (block) => block.set([byte], 2) }));
    const archive = Buffer.concat([...odd, hostileTar(names)]);
    expect((await bothOf(archive)).tree).toHaveLength(3000 + bytes.length + 3);
  });

  test("links of every length", async () => {
    const lengths = [1, 59, 60, 399, 400, 401, 448, 512, 513, 1024, 4095];
    await bothOf(
      hostileTar(
        lengths.map((length) => ({
          type: "2",
          name: `l${length}`,
          pax: { linkpath: "x/".repeat(2048).slice(0, length) },
        })),
      ),
    );
  });

  test("files at every distance from a page's start", async () => {
    const sizes = [0, 1, 511, 512, 513, 4095, 4096, 4097, 8191, 65_536, 1_000_003];
    const content = crypto.getRandomValues(new Uint8Array(65_536));
    const files = sizes.map((size) => ({
      name: `f${size}`,
      content: Buffer.concat(Array.from({ length: Math.ceil(size / content.length) + 1 }, () => content)).subarray(
        0,
        size,
      ),
    }));
    await bothOf(hostileTar(files));
  });

  test("an archive of GNU tar with owners, devices, capabilities and lists", async () => {
    const script = `set -e; mkdir -p source/a/b; cd source; cp /bin/true a/b/su; chown 12:34 a/b/su; chmod 6711 a/b/su
      ln a/b/su hard; ln -s a/b/su soft; chown -h 5:6 soft; mknod null c 1 3; mknod disk b 259 70000; mkfifo pipe
      mkdir -m 1777 t; chown 70000:70001 t; touch -h -d @1.5 soft; touch -d '1901-02-03' old; setfattr -n user.note -v n a/b/su
      cd ..; tar --xattrs --xattrs-include='*' --format=posix -C source -cf archive.tar .`;
    expect(Bun.spawnSync(["sh", "-c", script], { cwd: workspace.path }).stderr.toString()).toBe("");
    const { tree } = await bothOf(Buffer.from(await Bun.file(inWorkspace("archive.tar")).arrayBuffer()));
    expect(tree).toEqual(seen(inWorkspace("source")));
  });
});

describe("damage and bombs end the same way", () => {
  const small: Partial<LayerLimits> = {
    ratioFreeBytes: 1024 * 1024,
    maxArchiveBytes: 64 * 1024 * 1024,
    maxEntries: 5000,
    maxDirectoryNameBytes: 1 << 20,
  };
  const zeros = (mebibytes: number): Uint8Array =>
    hostileTar([{ name: "zeros", content: new Uint8Array(mebibytes * 1024 * 1024) }]);
  const noise = crypto.getRandomValues(new Uint8Array(60_000));
  const whole = hostileTar([{ name: "noise", content: noise }]);
  const cases: readonly (readonly [string, Uint8Array, string | undefined])[] = [
    ["gzip, a hundred times its size", gzipSync(zeros(32)), "failed-precondition"],
    ["concatenated gzip", Buffer.concat(Array.from({ length: 50 }, () => gzipSync(zeros(8)))), "failed-precondition"],
    ["too long", zeros(65), "failed-precondition"],
    ["too many", hostileTar(Array.from({ length: 5001 }, (_, i) => ({ name: `f${i}` }))), "failed-precondition"],
    [
      "too many directories",
      hostileTar(Array.from({ length: 50 }, (_, i) => ({ name: "x", pax: { path: `${i}${"/d".repeat(1000)}` } }))),
      "failed-precondition",
    ],
    ["a zstd window of 2 GiB", Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0xa8, 1, 0, 0]), "data-loss"],
    ["gzip, cut short", gzipSync(whole).subarray(0, 30_000), "data-loss"],
    ["zstd, cut short", zstdCompressSync(whole).subarray(0, 30_000), "data-loss"],
    ["plain, cut short", whole.subarray(0, 30_000), "data-loss"],
    ["gzip without its trailer", gzipSync(whole).subarray(0, -4), "data-loss"],
    ["gzip, then zeros", Buffer.concat([gzipSync(whole), new Uint8Array(10_000)]), undefined],
    [
      "gzip of gzip members",
      Buffer.concat([gzipSync(whole.subarray(0, 700)), gzipSync(whole.subarray(700))]),
      undefined,
    ],
    ["a PAX header without an end", Buffer.concat(metadataMember("x", paxRecords({ path: "x" }))), "data-loss"],
    ["nothing", new Uint8Array(0), "data-loss"],
  ];
  test.each(cases)("%s", async (_name, blob, expected) => {
    const { tree } = await bothOf(blob, small);
    if (expected === undefined) expect(tree).toBeArray();
    else expect(tree).toBe(expected);
  });

  test("a full disk is told before it is full", async () => {
    expect((await bothOf(whole, { minFreeBytes: 1e15 })).tree).toBe("resource-exhausted");
  });
});
