import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FlightRecorder } from "./flight-recorder.ts";
import type { FuzzTarget } from "./fuzz-target.ts";
import { saveSeed } from "./seeds.ts";

/** Processor time without a finished input that is called a hang. */
const HANG_SECONDS = 20;
const LOOK_EVERY_MS = 1000;
/** USER_HZ, which the kernel never changes for user space. */
const TICKS_PER_SECOND = 100;

/**
 * Runs `command` as the process that fuzzes, given the path of its flight recorder as last argument, and kills it when it hangs.
 *
 * @returns undefined when it ended well, else why not; an input that crashed or hung it is saved
 */
export async function watchedRun(target: FuzzTarget, command: readonly string[]): Promise<string | undefined> {
  const directory = mkdtempSync(join(tmpdir(), "crib-fuzz-"));
  try {
    const path = join(directory, target.name);
    const recorder = new FlightRecorder(path, target.maxInputBytes);
    const child = Bun.spawn([...command, path], { stdin: "ignore", stdout: "inherit", stderr: "inherit" });
    let hung = false;
    const watch = new HangWatch(child.pid, recorder);
    const timer = setInterval(() => {
      if (!watch.hangs()) return;
      hung = true;
      child.kill("SIGKILL");
    }, LOOK_EVERY_MS);
    const code = await child.exited;
    clearInterval(timer);
    if (hung) return `${target.name}: hangs on ${saveSeed(target.name, "found", recorder.input)}`;
    if (child.signalCode !== null)
      return `${target.name}: died of ${child.signalCode} on ${saveSeed(target.name, "found", recorder.input)}`;
    return code === 0 ? undefined : `${target.name}: ended with ${code}`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

class HangWatch {
  readonly #pid: number;
  readonly #recorder: FlightRecorder;
  #count = -1;
  #sinceSeconds = 0;

  constructor(pid: number, recorder: FlightRecorder) {
    this.#pid = pid;
    this.#recorder = recorder;
  }

  hangs(): boolean {
    const seconds = processorSeconds(this.#pid);
    if (this.#recorder.count !== this.#count) {
      this.#count = this.#recorder.count;
      this.#sinceSeconds = seconds;
    }
    return seconds - this.#sinceSeconds > HANG_SECONDS;
  }
}

/** proc_pid_stat(5): fields 14 and 15, counted behind the name, which may hold blanks. */
function processorSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0; // it has just ended
  }
}
