import { existsSync, readFileSync } from "node:fs";
import type { Subprocess } from "bun";
import { type CriClient, connectCri } from "./cri-client.ts";
import { waitUntil } from "./wait-until.ts";

export interface DaemonOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly socket: string;
  readonly logFile: string;
  readonly startBoundMs?: number;
}

/** Characters of its log that tell why a daemon ended. */
const LOG_TAIL = 8000;

/** One daemon process that comes and goes; the parts that are the same for every engine. */
export class Daemon {
  readonly #options: DaemonOptions;
  #child: Subprocess | undefined;
  #client: CriClient | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    if (this.#child === undefined || !this.running) throw new Error(`${this.#options.name} is not running`);
    return this.#child.pid;
  }

  get client(): CriClient {
    if (this.#client === undefined) throw new Error(`${this.#options.name} has not been started`);
    return this.#client;
  }

  async start(): Promise<void> {
    if (this.running) throw new Error(`${this.#options.name} is already running`);
    const { command, env, logFile, socket, name } = this.#options;
    const logText = (): string => (existsSync(logFile) ? readFileSync(logFile, "utf8") : "");
    const before = logText().length;
    // The daemon must not outlive a test run that is killed; its pods would, so suites remove them first.
    const child = Bun.spawn(
      ["setpriv", "--pdeathsig", "KILL", "sh", "-c", 'exec "$0" "$@" >>"$LOG" 2>&1', ...command],
      {
        env: { ...env, LOG: logFile },
        cwd: "/",
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      },
    );
    this.#child = child;
    this.#client?.close();
    this.#client = connectCri(socket);
    const runtime = this.#client.runtime;
    try {
      await waitUntil(
        async () => {
          if (!this.running) return true;
          if (!existsSync(socket)) return false;
          const status = await runtime.status({}, { timeoutMs: 2_000 });
          return status.status?.conditions.every((condition) => condition.status || !needed(condition.type));
        },
        { what: `${name} ready on ${socket}`, boundMs: this.#options.startBoundMs ?? 20_000 },
      );
    } catch (error) {
      throw new Error(`${String(error)}\n${logText().slice(before)}`);
    }
    if (this.running) return;
    const code = child.exitCode ?? child.signalCode;
    throw new Error(`${name} ended with ${code} before it was ready:\n${logText().slice(before).slice(-LOG_TAIL)}`);
  }

  async signal(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.running) return;
    child.kill(signal);
    await waitUntil(() => child.exitCode !== null || child.signalCode !== null, {
      what: `${this.#options.name} ends after ${signal}`,
      boundMs: 20_000,
    });
    this.#client?.close();
  }

  logTail(lines: number): string {
    return readFileSync(this.#options.logFile, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  }
}

function needed(condition: string): boolean {
  return condition === "RuntimeReady" || condition === "NetworkReady";
}
