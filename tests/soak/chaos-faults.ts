import { appendFileSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../harness/random.ts";
import type { SilentFs } from "../harness/silent-fs.ts";
import type { TestBed } from "../harness/test-bed.ts";

export type Fault =
  | "daemon killed"
  | "monitor killed"
  | "monitor stopped"
  | "stage stopped"
  | "volumes and logs hung"
  | "state full";

/** How often each comes, of a hundred; the rest lets what was stopped go on. */
const shares: readonly (readonly [Fault, number])[] = [
  ["daemon killed", 5],
  ["monitor killed", 20],
  ["monitor stopped", 30],
  ["stage stopped", 20],
  ["volumes and logs hung", 12],
  ["state full", 6],
];

const longestHuntMs = 2_000;

/** What goes wrong, one after another at random: a fault at a time, of which some last until they are over. */
export class ChaosFaults {
  readonly counts = new Map<Fault, number>(shares.map(([fault]) => [fault, 0]));
  readonly #bed: TestBed;
  readonly #random: Random;
  readonly #silent: SilentFs;
  readonly #spared: ReadonlySet<string>;
  readonly #stopped = new Set<number>();
  /** Odd while the daemon is away. */
  epoch = 0;
  /** What came last, and when. */
  last: { readonly fault: Fault | "none"; readonly atMs: number } = { fault: "none", atMs: performance.now() };

  /** @param spared pods that nothing is done to. */
  constructor(bed: TestBed, random: Random, silent: SilentFs, spared: ReadonlySet<string>) {
    this.#bed = bed;
    this.#random = random;
    this.#silent = silent;
    this.#spared = spared;
  }

  async next(): Promise<void> {
    // Those that have not come yet come first: a short run has each of them, too.
    const missing = shares.map(([fault]) => fault).filter((fault) => this.counts.get(fault) === 0);
    const early = missing[Math.floor(this.#random.between(0, missing.length * 2))];
    let dice = this.#random.between(0, 100);
    const [drawn] = shares.find(([, share]) => {
      dice -= share;
      return dice < 0;
    }) ?? [undefined];
    const fault = early ?? drawn;
    if (fault !== undefined) this.last = { fault, atMs: performance.now() };
    if (fault === undefined) this.resumeAll();
    else if (await this.#happen(fault)) this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
  }

  /** Whether each fault has come at least once. */
  areComplete(): boolean {
    return [...this.counts.values()].every((count) => count > 0);
  }

  /** What was stopped goes on. */
  resumeAll(): void {
    for (const pid of this.#stopped) sent(pid, "SIGCONT");
    this.#stopped.clear();
  }

  /** @returns false when there was nobody to do it to. */
  async #happen(fault: Fault): Promise<boolean> {
    switch (fault) {
      case "daemon killed":
        return await this.#killDaemon();
      case "monitor killed":
        return this.#signal(this.#monitors(), "SIGKILL");
      case "monitor stopped":
        return this.#signal(this.#monitors(), "SIGSTOP");
      case "stage stopped":
        return await this.#stopStage();
      case "volumes and logs hung":
        await this.#silent.silence();
        await Bun.sleep(this.#random.between(100, 1500));
        await this.#silent.recover();
        return true;
      case "state full":
        return await this.#fillState();
    }
  }

  async #killDaemon(): Promise<true> {
    this.epoch += 1;
    await this.#bed.engine.kill9();
    await this.#bed.engine.start();
    this.epoch += 1;
    return true;
  }

  async #fillState(): Promise<true> {
    const fill = join(this.#bed.engine.state, "fill");
    try {
      for (;;) appendFileSync(fill, new Uint8Array(64 << 10));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    }
    await Bun.sleep(this.#random.between(100, 1500));
    rmSync(fill, { force: true });
    return true;
  }

  #signal(pids: readonly number[], signal: "SIGKILL" | "SIGSTOP"): boolean {
    const pid = pids[Math.floor(this.#random.between(0, pids.length))];
    if (pid === undefined || !sent(pid, signal)) return false;
    if (signal === "SIGSTOP") this.#stopped.add(pid);
    return true;
  }

  /** A stage is there for milliseconds only: it is looked for until one is caught. */
  async #stopStage(): Promise<boolean> {
    const end = performance.now() + longestHuntMs;
    while (performance.now() < end) {
      for (const monitor of this.#monitors()) if (this.#signal(stagesOf(monitor), "SIGSTOP")) return true;
      await Bun.sleep(1);
    }
    return false;
  }

  /** Monitors of pods that come and go. */
  #monitors(): readonly number[] {
    return processes(([program, sandbox = "", directory = ""]) => {
      return program === "crib-monitor" && directory.startsWith(this.#bed.engine.state) && !this.#spared.has(sandbox);
    });
  }
}

/** Children of a monitor that still are what the monitor is: on their way to execve. */
function stagesOf(monitor: number): readonly number[] {
  const children = readProcess(`${monitor}/task/${monitor}/children`).split(" ");
  return children.map(Number).filter((pid) => pid > 0 && readProcess(`${pid}/cmdline`).startsWith("crib-monitor\0"));
}

function sent(pid: number, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

function processes(wanted: (argv: readonly string[]) => boolean): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && wanted(readProcess(`${name}/cmdline`).split("\0")))
    .map(Number);
}

/** Empty when it ended while it was looked at. */
function readProcess(file: string): string {
  try {
    return readFileSync(join("/proc", file), "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) return "";
    throw error;
  }
}
