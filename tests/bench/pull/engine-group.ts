import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupDirectory, makeCgroup, processes, removeCgroup } from "../../harness/cgroup-tree.ts";
import type { Engine } from "../../harness/engine.ts";

/** A control group around a running engine: what its helpers use counts as its own, also when they are gone. */
export class EngineGroup implements Disposable {
  readonly #group: string;
  readonly #directory: string;
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#group = `${engine.cgroupParent}-engine`;
    makeCgroup(this.#group);
    this.#directory = cgroupDirectory("cpuacct", this.#group);
    writeFileSync(join(this.#directory, "cgroup.procs"), String(engine.pid));
  }

  cpuSeconds(): number {
    try {
      return Number(readFileSync(join(this.#directory, "cpuacct.usage"), "utf8")) / 1e9;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
      const usage = /^usage_usec (\d+)$/m.exec(readFileSync(join(this.#directory, "cpu.stat"), "utf8"))?.[1];
      return Number(usage) / 1e6;
    }
  }

  /** Of the engine and its helpers together. */
  rssMib(): number {
    const { pid } = this.#engine;
    const program = programOf(pid);
    // A child that is about to become another program still shares the engine's memory.
    const counted = processes(this.#directory).filter((each) => each === pid || programOf(each) !== program);
    return counted.reduce((sum, each) => sum + rssMib(each), 0);
  }

  /** Ends what is left in it. */
  [Symbol.dispose](): void {
    removeCgroup(this.#group);
  }
}

function programOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    // Gone since the list of processes was read.
    return undefined;
  }
}

function rssMib(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
