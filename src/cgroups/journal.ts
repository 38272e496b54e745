import type { CgroupFiles } from "./cgroup-files.ts";
import { hasErrno } from "./has-errno.ts";

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
        if (old !== undefined) before.push({ path, value: old });
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

function readIfReadable(files: CgroupFiles, path: string): string | undefined {
  try {
    return files.read(path).trim();
  } catch (error) {
    if (hasErrno(error, "ENOENT", "EINVAL", "EACCES")) return undefined;
    throw error;
  }
}
