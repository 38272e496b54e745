import { join } from "node:path";
import { timeFactor } from "../harness/time-factor.ts";

/** How a command ended. */
export interface KubectlResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const LIMIT_MS = 150_000;

/** kubectl with the cluster's credentials; every command has a bound. */
export class Kubectl {
  readonly #command: readonly string[];
  readonly #home: string;

  constructor(programs: string, kubeconfig: string, home: string) {
    this.#command = [join(programs, "kubectl"), `--kubeconfig=${kubeconfig}`];
    this.#home = home;
  }

  /** Whatever comes of it. */
  async outcome(args: readonly string[], input = ""): Promise<KubectlResult> {
    const child = Bun.spawn([...this.#command, ...args], {
      env: this.#environment(),
      stdin: new Blob([input]),
      stdout: "pipe",
      stderr: "pipe",
      timeout: LIMIT_MS * timeFactor(),
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { exitCode: await child.exited, stdout, stderr };
  }

  /** @returns standard output. @throws with standard error when it fails. */
  async run(args: readonly string[], input?: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.outcome(args, input);
    if (exitCode !== 0) throw new Error(`kubectl ${args.join(" ")}: exit ${exitCode}: ${stderr.trim()}`);
    return stdout;
  }

  /** One field of an object, as kubectl's JSONPath names it. */
  async field(object: string, path: string): Promise<string> {
    return await this.run(["get", object, `-o=jsonpath={${path}}`]);
  }

  /** A command that runs until it is killed, such as port-forward. */
  background(args: readonly string[]): Bun.Subprocess<"ignore", "pipe", "pipe"> {
    return Bun.spawn([...this.#command, ...args], {
      env: this.#environment(),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: LIMIT_MS * timeFactor(),
    });
  }

  #environment(): Record<string, string> {
    return { PATH: process.env.PATH ?? "", HOME: this.#home };
  }
}
