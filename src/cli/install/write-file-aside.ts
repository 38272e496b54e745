import { chmodSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makeDirectories } from "../../kernel/exact-modes.ts";

/** Written aside and renamed into place, so that nobody meets half of it; directories that are not there are made. */
export function writeFileAside(path: string, content: string | Uint8Array, mode: number): void {
  makeDirectories(dirname(path), 0o755);
  const aside = `${path}.crib-new`;
  try {
    writeFileSync(aside, content);
    chmodSync(aside, mode);
    renameSync(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
}
