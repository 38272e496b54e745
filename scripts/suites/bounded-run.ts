import { root } from "../build/paths.ts";

export interface BoundedRun {
  readonly code: number;
  readonly timedOut: boolean;
}

/**
 * Runs a command in a process group of its own with its output passed on, and kills the whole group when the time is over: a
 * hung test must end as a failure, not as a gate that never answers.
 */
export async function boundedRun(
  command: readonly string[],
  limitSeconds: number,
  env: Readonly<Record<string, string>> = {},
): Promise<BoundedRun> {
  const child = Bun.spawn([...command], {
    cwd: root,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    detached: true,
    env: { ...process.env, ...env },
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    console.error(`${command.join(" ")}: not done after ${limitSeconds} s, killed`);
    process.kill(-child.pid, "SIGKILL");
  }, limitSeconds * 1000);
  try {
    return { code: await child.exited, timedOut };
  } finally {
    clearTimeout(timer);
  }
}
