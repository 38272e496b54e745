import { CribError } from "../errors/crib-error.ts";
import type { HostPath } from "../ids/path.ts";
import { runProgram } from "../kernel/process/run-program.ts";
import type { Clock } from "../observe/clock.ts";
import type { RuntimeExamination } from "./port.ts";

/** A person waits for it, and for several at once. */
const examineMs = 5_000;
const versionCharacters = 120;

/** Calls the program for its version: who answers that can be called for a container too. */
export async function examineProgram(
  what: string,
  program: HostPath,
  args: readonly string[],
  clock: Clock,
): Promise<RuntimeExamination> {
  const call = {
    executable: program,
    args,
    what,
    environment: {},
    input: new Uint8Array(0),
    timeoutMs: examineMs,
    signal: undefined,
  };
  try {
    const { exitCode, stdout, stderr } = await runProgram(call, clock);
    if (exitCode !== 0) return { program, version: undefined, problem: failed(exitCode, stderr) };
    return { program, version: versionIn(stdout), problem: undefined };
  } catch (error) {
    if (!CribError.is(error)) throw error;
    return { program, version: undefined, problem: error.message };
  }
}

function failed(exitCode: number | undefined, stderr: string): string {
  const said = stderr.trim().split("\n").at(-1)?.slice(0, versionCharacters) ?? "";
  const ended = exitCode === undefined ? "was killed" : `exited with ${exitCode}`;
  return said === "" ? `it ${ended} when asked for its version` : `it ${ended} when asked for its version: ${said}`;
}

/** "runc version 1.5.3", "crun version 1.29", "containerd-shim-runc-v2:\n  Version:  v2.4.2": what follows the word. */
function versionIn(text: string): string | undefined {
  const found = /\bversion:?\s+(\S+)/i.exec(text)?.[1] ?? text.trim().split("\n", 1)[0];
  return found === undefined || found === "" ? undefined : found.slice(0, versionCharacters);
}
