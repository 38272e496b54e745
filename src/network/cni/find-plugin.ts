import { statSync } from "node:fs";
import { join } from "node:path";
import { failedPrecondition } from "../../errors/crib-error.ts";
import type { HostPath } from "../../ids/path.ts";

/** @throws {CribError} failed-precondition naming the directories searched. */
export function findPlugin(type: string, directories: readonly HostPath[]): string {
  for (const directory of directories) {
    const path = join(directory, type);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() && (stat.mode & 0o111) !== 0) return path;
  }
  throw failedPrecondition(
    `CNI plugin ${JSON.stringify(type)} is not in ${directories.join(", ")}; install it (Debian: containernetworking-plugins)`,
  );
}
