import { hasErrno } from "../../errors/has-errno.ts";
import type { CgroupFiles } from "./cgroup-files.ts";

/**
 * Files that remember what stood in every control they overwrite, so that an update that fails half way is undone.
 */
export interface Journal {
  readonly files: CgroupFiles;
  /** Writes the old values back, last first. A value the kernel no longer takes is left; the first failure is returned. */
  rollBack(): unknown;
}

export function createJournal(files: CgroupFiles): Journal {
  const before: { readonly path: string; readonly value: string }[] = [];
  return {
    files: {
      ...files,
      write(path, value) {
        const old = readIfReadable(files, path);
        files.write(path, value);
        if (old !== undefined) before.push({ path, value: oldSetting(old, value) });
      },
    },
    rollBack() {
      let failure: unknown;
      for (const { path, value } of before.toReversed()) {
        try {
          files.write(path, value);
        } catch (error) {
          failure ??= error;
        }
      }
      return failure;
    },
  };
}

/**
 * What undoes a write. A file with a line for each device takes one line at a time: the old one of that device, or its
 * absence in words. An empty list of CPUs must be written as a line, or nothing is written at all.
 */
function oldSetting(old: string, written: string): string {
  const device = /^\d+:\d+ /.exec(written)?.[0];
  if (device === undefined) return old === "" ? "\n" : old;
  const line = old.split("\n").find((entry) => entry.startsWith(device));
  if (line !== undefined) return line;
  const keys = [...written.matchAll(/ (\w+)=/g)].map((match) => `${match[1]}=max`);
  return keys.length === 0 ? `${device}default` : `${device}${keys.join(" ")}`;
}

function readIfReadable(files: CgroupFiles, path: string): string | undefined {
  try {
    return files.read(path).trim();
  } catch (error) {
    if (hasErrno(error, "ENOENT", "EINVAL", "EACCES")) return undefined;
    throw error;
  }
}
