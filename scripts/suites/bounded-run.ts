import { root } from "../build/paths.ts";

export interface BoundedRun {
  readonly code: number;
  readonly timedOut: boolean;
  /** What it wrote to standard output, which was also passed on. */
  readonly stdout: string;
  /** The same for standard error. */
  readonly stderr: string;
}

/** How long a finished command's output may keep coming: from a process it left behind, which must not hold up the gate. */
const AFTERGLOW_MS = 2000;

class PassedOn {
  text = "";

  constructor(readonly target: NodeJS.WriteStream) {}

  async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.target.write(chunk);
      this.text += decoder.decode(chunk, { stream: true });
    }
  }
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
    stdout: "pipe",
    stderr: "pipe",
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
    const output = new PassedOn(process.stdout);
    const errors = new PassedOn(process.stderr);
    const reading = Promise.all([output.read(child.stdout), errors.read(child.stderr)]);
    const code = await child.exited;
    await Promise.race([reading, Bun.sleep(AFTERGLOW_MS)]);
    return { code, timedOut, stdout: output.text, stderr: errors.text };
  } finally {
    clearTimeout(timer);
  }
}
