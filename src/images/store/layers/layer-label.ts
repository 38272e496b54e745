import { readFile, stat } from "node:fs/promises";
import { z } from "zod";
import { hasErrno } from "../../../errors/has-errno.ts";
import { type DiffId, isDigest } from "../../../ids/digest.ts";
import type { HostPath } from "../../../ids/path.ts";

const labelSchema = z.object({
  version: z.literal(1),
  diffId: z.string().refine(isDigest),
  diskBytes: z.int().min(0),
  inodes: z.int().min(0),
  indexDigest: z.string().refine(isDigest).optional(),
  treeDigest: z.string().refine(isDigest).optional(),
});

/** Kept beside the layer's files, so that a layer renamed just before a crash can be recorded after it. */
export const labelName = "layer.json";

export interface LayerFacts {
  readonly diffId: DiffId;
  readonly diskBytes: number;
  readonly inodes: number;
  /** Of an archive's index; of its archive, the diff id is that. */
  readonly indexDigest?: string;
  /** Of a directory, once it has been read. */
  readonly treeDigest?: string;
}

export function labelText(facts: LayerFacts): string {
  return JSON.stringify({ version: 1, ...facts });
}

/** @throws {Error} for a label that is missing or says nothing. */
export async function readLabel(path: HostPath): Promise<z.infer<typeof labelSchema>> {
  return labelSchema.parse(JSON.parse(await readFile(path, "utf8")));
}

/** What a label says of its layer's place in the store. @throws as `readLabel` does. */
export async function readLabelledLayer(path: HostPath): Promise<LayerFacts> {
  const { diffId, diskBytes, inodes } = await readLabel(path);
  return { diffId: diffId as DiffId, diskBytes, inodes };
}

export async function isThere(path: HostPath): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return false;
    throw error;
  }
}
