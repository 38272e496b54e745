/** Processes whose command line names `directory`: daemons, shims, monitors. Never the caller. */
export function processesOf(directory: string): readonly number[] {
  const listing = Bun.spawnSync(["grep", "-lsF", "--null", directory, ...commandLineFiles()]).stdout.toString();
  const pids = listing.split("\0").map((path) => Number(path.split("/")[2]));
  return pids.filter((pid) => Number.isInteger(pid) && pid > 1 && pid !== process.pid);
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

function commandLineFiles(): readonly string[] {
  const glob = new Bun.Glob("[0-9]*/cmdline");
  return [...glob.scanSync({ cwd: "/proc", onlyFiles: false })].map((path) => `/proc/${path}`);
}
