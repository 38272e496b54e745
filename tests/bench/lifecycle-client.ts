import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { Subprocess } from "bun";
import type { Engine } from "../harness/engine.ts";
import type { Connection } from "./contender.ts";

/** So many pods, so many of them at once, each with so many execs. */
export interface LifecycleOrder {
  readonly lifecycles: number;
  readonly parallel: number;
  readonly execs: number;
  /** So often the engine is asked a small question meanwhile (`probes`). */
  readonly probeEveryMs?: number;
}

/** What is asked then, by the names its times have. */
export const probes = ["version", "status", "listContainers", "listPodSandbox"] as const;

/** What each call took, by its name, and the whole order. */
export interface LifecycleReport {
  readonly callsMs: Readonly<Record<string, readonly number[]>>;
  readonly tookMs: number;
}

/**
 * The kubelet's own client code (tests/kubelet-client/lifecycles.go) on one engine, in a process of its own: what an
 * engine is measured with must not be slower than the engine, nor share its language's habits.
 */
export class LifecycleClient implements AsyncDisposable {
  readonly #process: Subprocess<"pipe", "pipe", "inherit">;
  readonly #answers: AsyncIterator<string>;

  constructor(program: string, engine: Engine, connection: Connection, image: string) {
    this.#process = Bun.spawn(
      [
        program,
        "lifecycles",
        `--endpoint=unix://${engine.socket}`,
        `--dir=${engine.directory}`,
        `--cgroup=${engine.cgroupParent}`,
        `--image=${image}`,
        ...(connection === "host" ? ["--host-network"] : []),
      ],
      { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
    );
    this.#answers = createInterface({ input: Readable.fromWeb(this.#process.stdout as ReadableStream) })[
      Symbol.asyncIterator
    ]();
  }

  /** @throws {Error} when a call of the order failed; what it was is on stderr. */
  async run(order: LifecycleOrder): Promise<LifecycleReport> {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
    await this.#process.stdin.flush();
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error(`the client ended with ${await this.#process.exited}`);
    return JSON.parse(answer.value) as LifecycleReport;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stdin.end();
    await this.#process.exited;
  }
}
