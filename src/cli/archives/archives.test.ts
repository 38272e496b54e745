import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cli } from "../../../tests/fixtures/cli-io.ts";
import { startTestServer } from "../../../tests/fixtures/cri-server.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "crib-archives-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

test("an archive goes to the daemon from a file, standard input or a layout, and each image is told", async () => {
  await using server = await startTestServer();
  const address = server.path;
  const file = join(directory, "app.tar");
  writeFileSync(file, Buffer.alloc(700_000, "a"));
  const told = await cli(["images", "import", file], { address });
  expect(told).toMatchObject({
    exitCode: 0,
    out: expect.stringMatching(/^imported docker.io\/library\/app:1 {2}[0-9a-f]{12}\n$/),
    err: "skipped 2e2e2e2e2e2e: it is for linux/arm64\n",
  });
  expect((await cli(["images", "import", "--name", "x:1", "-q", "-"], { address, stdin: "tar" })).out).toMatch(
    /^sha256:[0-9a-f]{64}\n$/,
  );
  const layout = join(directory, "layout");
  mkdirSync(join(layout, "blobs/sha256"), { recursive: true });
  for (const name of ["index.json", "oci-layout", "blobs/sha256/aa", "ignored"])
    writeFileSync(join(layout, name), name);
  expect((await cli(["images", "import", layout], { address })).exitCode).toBe(0);
  expect(server.images.imported).toEqual([
    { bytes: 700_000, name: undefined },
    { bytes: 3, name: "x:1" },
    { bytes: 3 * 1024 + 1024, name: undefined },
  ]);
});

test("what cannot be read is told without asking the daemon for the reason", async () => {
  await using server = await startTestServer();
  const address = server.path;
  expect(await cli(["images", "import", join(directory, "none")], { address })).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("cannot read"),
  });
  mkdirSync(join(directory, "empty"), { recursive: true });
  expect((await cli(["images", "import", join(directory, "empty")], { address })).err).toContain("no OCI layout");
});

test("an export is a file once it is whole, and never half of one", async () => {
  await using server = await startTestServer();
  const address = server.path;
  const out = join(directory, "out.tar");
  const json = await cli(["images", "export", "--json", "-o", out, "busybox:1.36"], { address });
  expect(JSON.parse(json.out)).toEqual({ file: out, bytes: 23 });
  expect(readFileSync(out, "utf8")).toBe("archive of busybox:1.36");
  writeFileSync(out, "before");
  const failed = await cli(["images", "export", "-o", out, "busybox:1.36", "none"], { address });
  expect(failed).toMatchObject({ exitCode: 1, err: expect.stringContaining('"none" not found') });
  expect(readFileSync(out, "utf8")).toBe("before");
  expect(readdirSync(directory).filter((name) => name.endsWith(".part"))).toEqual([]);
  expect((await cli(["images", "export", "-o", "-", "busybox:1.36"], { address })).out).toBe("archive of busybox:1.36");
  expect((await cli(["images", "export", "busybox:1.36"], { address })).exitCode).toBe(2);
});

test("names are given, and what images weigh is told", async () => {
  await using server = await startTestServer();
  const address = server.path;
  expect((await cli(["images", "tag", "busybox:1.36", "a:1", "b:2"], { address })).out).toBe(
    "tagged docker.io/library/a:1\ntagged docker.io/library/b:2\n",
  );
  const { out } = await cli(["images", "du"], { address });
  expect(out).toContain("ALONE");
  expect(out).toEndWith("0.99 KiB on the disk: 10 B of layers, 0.98 KiB of blobs\n");
  expect(JSON.parse((await cli(["images", "du", "--json"], { address })).out)).toMatchObject({
    images: [{ aloneBytes: 1010, sharedBytes: 0 }],
    layerBytes: 10,
  });
});
