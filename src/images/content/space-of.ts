import { statfs } from "node:fs/promises";
import type { HostPath } from "../../ids/path.ts";

/** Of a file system: what it holds, and what may still be taken without the reserve of root. */
export interface FileSystemSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** The space of the file system that `directory` is on (statfs(2)). */
export async function spaceOf(directory: HostPath): Promise<FileSystemSpace> {
  const { bavail, blocks, bsize } = await statfs(directory);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
