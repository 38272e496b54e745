import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { waitUntil } from "../harness/wait-until.ts";

/** The programs of a cluster: each with a log of its own, all gone with this process. */
export class ProcessGroup {
  readonly #directory: string;
  readonly #children = new Map<string, Subprocess>();

  /** Logs go to `directory`. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  start(name: string, command: readonly string[]): void {
    const child = Bun.spawn(
      ["setpriv", "--pdeathsig", "KILL", "sh", "-c", 'exec "$0" "$@" >>"$LOG" 2>&1', ...command],
      {
        cwd: this.#directory,
        env: { PATH: process.env.PATH ?? "", HOME: this.#directory, LOG: this.#logFile(name) },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      },
    );
    this.#children.set(name, child);
  }

  /** Waits until the program answers. @throws with the end of its log when it does not, or has ended. */
  async ready(name: string, answers: () => Promise<boolean>, boundMs = 90_000): Promise<void> {
    const child = this.#children.get(name);
    try {
      await waitUntil(async () => ending(child) !== null || (await answers()), { what: `${name} answers`, boundMs });
      if (ending(child) !== null) throw new Error(`${name} ended with ${ending(child)}`);
    } catch (error) {
      throw new Error(`${String(error)}\n${this.logTail(name)}`);
    }
  }

  /** SIGTERM, and SIGKILL after ten seconds. */
  async stop(name: string): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined) return;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await child.exited;
    clearTimeout(timer);
    this.#children.delete(name);
  }

  /** In the order opposite to their start. */
  async stopAll(): Promise<void> {
    for (const name of [...this.#children.keys()].toReversed()) await this.stop(name);
  }

  logTail(name: string, lines = 25): string {
    const path = this.#logFile(name);
    if (!existsSync(path)) return "";
    return readFileSync(path, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  }

  #logFile(name: string): string {
    return join(this.#directory, `${name}.log`);
  }
}

/** Exit code or signal of a program that has ended; null while it runs. */
function ending(child: Subprocess | undefined): number | string | null {
  return child === undefined ? "never started" : (child.exitCode ?? child.signalCode);
}
