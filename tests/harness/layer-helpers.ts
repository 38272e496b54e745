import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Every `crib-layer` that has a file below `directory` open. */
export function layerHelpers(directory: string): readonly number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => isHelper(pid, directory)).map(Number);
}

function isHelper(pid: string, directory: string): boolean {
  try {
    if (!readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith("crib-layer\0")) return false;
    const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    return open.some((path) => path.startsWith(`${directory}/`));
  } catch {
    // Gone meanwhile.
    return false;
  }
}
