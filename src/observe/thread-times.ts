import { readFileSync } from "node:fs";
import { hasErrno } from "../errors/has-errno.ts";
import type { ThreadTimes } from "./loop-watch.ts";

/** Of the calling thread (schedstat, Documentation/scheduler/sched-stats.rst); zeros where the kernel does not count. */
export function threadTimes(): ThreadTimes {
  try {
    const [ran, waited] = readFileSync("/proc/thread-self/schedstat", "latin1").split(" ");
    return { ranMs: Number(ran) / 1e6, waitedMs: Number(waited) / 1e6 };
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return { ranMs: 0, waitedMs: 0 };
    throw error;
  }
}
