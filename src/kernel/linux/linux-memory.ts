import { readFileSync } from "node:fs";
import type { MemoryCalls } from "../port.ts";
import type { Calls } from "./linux-calls.ts";
import { cleanFileMappings } from "./memory-map.ts";

const MADV_DONTNEED = 4;

export function memoryCalls({ libc, checked }: Calls): MemoryCalls {
  return {
    releaseCleanFilePages() {
      let releasedKib = 0;
      for (const mapping of cleanFileMappings(readFileSync("/proc/self/smaps", "latin1"))) {
        checked(libc.madvise(mapping.start, mapping.length, MADV_DONTNEED), "madvise", mapping.path);
        releasedKib += mapping.residentKib;
      }
      return releasedKib;
    },
  };
}
