import type { HostPath } from "../../src/ids/path.ts";
import { inside } from "./network-lab.ts";
import { waitUntil } from "./wait-until.ts";

/** Every frame that arrives at an interface, from the moment it is open. */
export class FrameTap implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"ignore", "pipe", "inherit">;
  readonly #collected: Promise<void>;
  #output = "";

  private constructor(program: string, netns: HostPath | undefined, link: string) {
    this.#process = Bun.spawn([...inside(netns), program, link], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#collected = this.#collect();
  }

  /** @param program what `buildStaticBinary("raw-frame")` made. */
  static async open(program: string, netns: HostPath | undefined, link: string): Promise<FrameTap> {
    const tap = new FrameTap(program, netns, link);
    await waitUntil(() => tap.#output.startsWith("listening\n"), { what: `a tap on ${link}` });
    return tap;
  }

  /** A tag the kernel took off is not seen; padding may be. */
  has(frame: string): boolean {
    const untagged = frame.slice(24, 28) === "8100" ? frame.slice(0, 24) + frame.slice(32) : frame;
    return this.#output.includes(`\n${untagged}`) || this.#output.includes(`\n${frame}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#collected;
  }

  async #collect(): Promise<void> {
    for await (const chunk of this.#process.stdout) this.#output += Buffer.from(chunk).toString();
  }
}
