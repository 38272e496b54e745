import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DiffId } from "../../../ids/digest.ts";
import { parseHostPath } from "../../../ids/path.ts";
import { labelName, labelText } from "./layer-label.ts";
import { LayerProofs } from "./layer-proofs.ts";

const diffId = `sha256:${"1".repeat(64)}` as DiffId;
const treeDigest = `sha256:${"2".repeat(64)}`;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

test("a directory that is read after its commit and for a check at once is not told as missing", async () => {
  const layer = parseHostPath(mkdtempSync(join(tmpdir(), "layer-proofs-")));
  mkdirSync(join(layer, "fs"));
  writeFileSync(join(layer, labelName), labelText({ diffId, diskBytes: 1, inodes: 1 }));
  const fingerprinted = Promise.withResolvers<string>();
  const proofs = new LayerProofs({ fingerprint: () => fingerprinted.promise }, { settle: () => undefined }, silent);
  proofs.readLater(layer);
  const problems = Array.from({ length: 20 }, () => proofs.problem(layer, diffId, () => Promise.resolve()));
  fingerprinted.resolve(treeDigest);
  expect(await Promise.all(problems)).toEqual(problems.map(() => undefined));
  expect(readFileSync(join(layer, labelName), "utf8")).toContain(treeDigest);
  rmSync(layer, { recursive: true });
});
