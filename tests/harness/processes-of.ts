import { readdirSync, readFileSync } from "node:fs";

/** Processes whose command line names `directory`: daemons, shims, monitors. Never the caller. */
export function processesOf(directory: string): readonly number[] {
  const pids = readdirSync("/proc").map(Number);
  return pids.filter(
    (pid) => Number.isInteger(pid) && pid > 1 && pid !== process.pid && commandLine(pid).includes(directory),
  );
}

/** SIGKILL to each of them. */
export function killProcessesOf(directory: string): void {
  for (const pid of processesOf(directory)) killIfThere(pid);
}

export function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch (error) {
    // Gone since it was listed.
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) return "";
    throw error;
  }
}
