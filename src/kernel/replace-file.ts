import { renameSync, rmSync, writeFileSync } from "node:fs";
import type { HostPath } from "../ids/path.ts";

/**
 * Puts a whole file in the place of another: readers see the old one or the new one. Not synced: for what does not outlive
 * the machine's boot, or may be lost.
 *
 * Nothing stays aside when it fails: on a full file system each attempt would leave another empty file.
 *
 * @param mode of the new file, before the process's umask.
 */
export function replaceFile(path: HostPath, content: string | Uint8Array, mode: number): void {
  const aside = `${path}.new`;
  try {
    writeFileSync(aside, content, { mode });
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}
