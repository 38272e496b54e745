import { afterAll, expect, test } from "bun:test";
import {
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { UnpackResult } from "../../src/layers/apply-messages.ts";
import { defaultLayerLimits } from "../../src/layers/layer-limits.ts";
import { createLayerWorkers } from "../../src/layers/layer-workers.ts";
import { hostileMember, hostileTar } from "../fixtures/hostile-tar.ts";
import { tarTable } from "../fixtures/tar-table.ts";
import { readXattr } from "../harness/read-xattr.ts";
import { timeFactor } from "../harness/time-factor.ts";
import { openWorkspace } from "../harness/workspace.ts";

// Needs root: owners, devices and trusted attributes are what it is about.
const workspace = openWorkspace("tar-table");
const workers = createLayerWorkers();
const layer = join(workspace.path, "layer");

afterAll(() => {
  workers[Symbol.dispose]();
  workspace.remove();
});

async function unpack(blob: Uint8Array, directory = layer): Promise<UnpackResult> {
  rmSync(directory, { recursive: true, force: true });
  const blobPath = join(workspace.path, "blob");
  writeFileSync(blobPath, blob);
  const request = { blobPaths: [blobPath], directory, rewritten: [], limits: defaultLayerLimits };
  const job = workers.unpack(request);
  job.advance(blob.length, true);
  return await job.result;
}

/** The line that the table has for a path; what the expected line does not speak of is left out. */
function describe(path: string, expected: string): string {
  const stat = lstatSync(path, { bigint: true });
  const mode = (stat.mode & 0o7777n).toString(8);
  const facts: string[] = [];
  if (expected.includes(" owner=")) facts.push(`owner=${stat.uid}:${stat.gid}`);
  if (expected.includes(" mtime=")) facts.push(`mtime=${stat.mtimeNs}`);
  if (expected.includes(" links=")) facts.push(`links=${stat.nlink}`);
  const note = readXattr(path, "user.k");
  if (note !== undefined) facts.push(`user.k=${note}`);
  if (readXattr(path, "user.other") !== undefined) facts.push("user.other");
  if (readXattr(path, "trusted.overlay.opaque") !== undefined) facts.push("opaque");
  const line = (what: string): string => [what, ...facts].join(" ");
  if (stat.isDirectory()) return line(`dir ${mode}`);
  if (stat.isSymbolicLink()) return line(`link ${readlinkSync(path)}`);
  if (stat.isFIFO()) return line("fifo");
  if (stat.isCharacterDevice())
    return line(stat.rdev === 0n ? "whiteout" : `char ${stat.rdev >> 8n}:${stat.rdev & 255n}`);
  const content = readFileSync(path, "latin1");
  const shown = content.length > 40 ? `${content.length} bytes: ${content.replaceAll("\0", "")}` : content;
  return line(`file ${mode} ${shown}`);
}

function readTree(expected: Readonly<Record<string, string>>): Record<string, string> {
  const tree: Record<string, string> = {};
  if (expected["."] !== undefined) tree["."] = describe(layer, expected["."]);
  for (const name of readdirSync(layer, { recursive: true }).map(String)) {
    tree[name] = describe(join(layer, name), expected[name] ?? "");
  }
  return tree;
}

test.each(tarTable.map((row) => [row.name, row] as const))("%s", async (_name, { blob, expected }) => {
  const outcome = await unpack(blob).then(
    () => "unpacked",
    (error: Error) => error.message,
  );
  if ("refused" in expected && expected.refused instanceof RegExp) expect(outcome).toMatch(expected.refused);
  else {
    expect(outcome).toBe("unpacked");
    expect(readTree(expected as Record<string, string>)).toEqual(expected as Record<string, string>);
  }
});

test.each([
  ["gnu", []],
  ["posix", ["--sparse-version=0.0"]],
  ["posix", ["--sparse-version=0.1"]],
  ["posix", ["--sparse-version=1.0"]],
] as const)("what GNU tar archives with --sparse, format %s %j, comes out whole", async (format, more) => {
  const source = join(workspace.path, "source");
  rmSync(source, { recursive: true, force: true });
  mkdirSync(source);
  const file = openSync(join(source, "holes"), "w");
  for (let i = 0; i < 40; i++) writeSync(file, `piece ${i}`, i * 100_000);
  ftruncateSync(file, 5_000_000);
  closeSync(file);
  writeFileSync(join(source, "zz-after"), "after");
  const made = Bun.spawnSync(["tar", "-C", source, "--sparse", `--format=${format}`, ...more, "-cf", "-", "."]);
  expect(made.exitCode).toBe(0);
  await unpack(made.stdout);
  expect(readFileSync(join(layer, "holes")).equals(readFileSync(join(source, "holes")))).toBe(true);
  expect(readFileSync(join(layer, "zz-after"), "utf8")).toBe("after");
  expect(made.stdout.length).toBeLessThan(1_000_000);
});

test("a hole takes no room on the disk", async () => {
  await unpack(
    hostileTar([
      {
        name: "f",
        pax: { "GNU.sparse.map": "1000000000,0", "GNU.sparse.size": "1000000000", "GNU.sparse.numblocks": "1" },
      },
    ]),
  );
  const { size, blocks } = lstatSync(join(layer, "f"));
  expect([size, blocks]).toEqual([1_000_000_000, 0]);
});

test("whiteouts that hide nothing of the layers below are not there, for ls would show them", async () => {
  const below = join(workspace.path, "below");
  await unpack(hostileTar([{ type: "5", name: "d/" }, { name: "d/old" }, { name: "top" }]), below);
  const unpacked = await unpack(
    hostileTar([
      { type: "5", name: "d/", mtimeSeconds: 50 },
      { name: "d/.wh.old" },
      { name: "d/.wh.never" },
      { type: "5", name: "new/", mtimeSeconds: 60 },
      { name: "new/.wh.ghost" },
      { name: ".wh.top" },
      { name: ".wh.nothing" },
    ]),
  );
  const { removedInodes } = await workers.inherit(layer, unpacked, [below]);
  expect(removedInodes).toBe(3);
  expect(readdirSync(layer, { recursive: true }).map(String).sort()).toEqual(["d", "d/old", "new", "top"]);
  expect([lstatSync(join(layer, "d")).mtimeMs, lstatSync(join(layer, "new")).mtimeMs]).toEqual([50_000, 60_000]);
  await workers.inherit(layer, unpacked, []);
  expect(readdirSync(layer, { recursive: true }).map(String).sort()).toEqual(["d", "new"]);
});

test("a hundred thousand opaque marks of one directory take time by the mark, not by what is in it", async () => {
  const mark = Buffer.concat(hostileMember({ name: "d/.wh..wh..opq" }));
  const marks = Buffer.alloc(mark.length * 100_000, mark);
  const timeFor = async (files: number): Promise<number> => {
    const members = Array.from({ length: files }, (_unused, i) => hostileMember({ name: `d/${i}` })).flat();
    const archive = Buffer.concat([...members, marks, new Uint8Array(1024)]);
    const started = performance.now();
    await unpack(archive);
    return performance.now() - started;
  };
  const few = await timeFor(1);
  expect(await timeFor(5000)).toBeLessThan(4 * few + 4000 * timeFactor());
});
