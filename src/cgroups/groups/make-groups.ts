import { hasErrno } from "../../errors/has-errno.ts";
import type { CgroupPath } from "../../ids/path.ts";
import type { CgroupFiles } from "../files/cgroup-files.ts";
import type { Hierarchy } from "../hierarchies.ts";

/** What a controller needs done to a group that has just been made, or before one is made below it. */
export interface GroupHooks {
  readonly beforeChild?: (parent: string) => void;
  readonly made?: (directory: string) => void;
}

/**
 * Makes `path` in one hierarchy, with parents. The usual case, a parent that is there, is one mkdir. A group that was there
 * is left as it is.
 */
export function makeGroups(files: CgroupFiles, { mountpoint }: Hierarchy, path: CgroupPath, hooks: GroupHooks): void {
  const parts = path.split("/").filter((part) => part !== "");
  const directoryOf = (depth: number) => [mountpoint, ...parts.slice(0, depth)].join("/");
  let depth = parts.length;
  const missing: number[] = [];
  while (depth > 0 && !tryMake(files, directoryOf(depth - 1), directoryOf(depth), hooks)) missing.push(depth--);
  for (const child of missing.toReversed()) tryMake(files, directoryOf(child - 1), directoryOf(child), hooks);
}

/** false when the parent is missing. */
function tryMake(files: CgroupFiles, parent: string, directory: string, hooks: GroupHooks): boolean {
  try {
    hooks.beforeChild?.(parent);
    if (files.mkdir(directory)) hooks.made?.(directory);
    return true;
  } catch (error) {
    if (hasErrno(error, "ENOENT") && !files.exists(parent)) return false;
    throw error;
  }
}
