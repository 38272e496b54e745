import { say } from "../harness/say.ts";
import type { Cluster, Step } from "./cluster.ts";

interface Row {
  readonly name: string;
  readonly seconds: number;
  readonly error: string;
}

/** What has been done, how long it took, and what went wrong: said at once, and as a table at the end. */
export class StepTable {
  readonly #rows: Row[] = [];

  get failed(): number {
    return this.#rows.filter(({ error }) => error !== "").length;
  }

  async steps(steps: readonly Step[], cluster: Cluster): Promise<void> {
    for (const { name, run } of steps) await this.step(name, () => run(cluster));
  }

  /** A step that fails does not keep the next ones from being tried. */
  async step(name: string, run: () => Promise<void>): Promise<void> {
    const begin = performance.now();
    let error = "";
    try {
      await run();
    } catch (thrown) {
      error = thrown instanceof Error ? thrown.message : String(thrown);
    }
    this.#add({ name, seconds: (performance.now() - begin) / 1000, error });
  }

  fail(name: string, error: unknown): void {
    this.#add({ name, seconds: 0, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }

  print(): void {
    say("");
    for (const { name, seconds, error } of this.#rows) {
      say(`${error === "" ? "ok  " : "FAIL"}  ${seconds.toFixed(1).padStart(6)} s  ${name}`);
    }
    say(`${this.#rows.length - this.failed} passed, ${this.failed} failed`);
  }

  #add(row: Row): void {
    this.#rows.push(row);
    say(`${row.error === "" ? "ok  " : "FAIL"} ${row.name}`);
    if (row.error !== "")
      say(
        row.error
          .split("\n")
          .map((line) => `       ${line}`)
          .join("\n"),
      );
  }
}
