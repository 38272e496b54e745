import { closeSync, mkdirSync, openSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { join } from "node:path";
import { waitUntil } from "../harness/wait-until.ts";
import { cgroupPrefix, openWorkspace } from "../harness/workspace.ts";
import { type ControlContainer, defaultCapabilities, makeControlRoot, writeControlBundle } from "./control-bundle.ts";

const modes = ["CONTAINER", "TARGET", "NODE"] as const;
type ControlMode = (typeof modes)[number];
/** The attacker may hold up who comes, and the runtime with it: nothing is waited for longer. */
const longestSeconds = 3;
/** Nobody is there yet to hold up a start; the machine may be busy. */
const longestStartSeconds = 60;
const atOnce = 4;
/** Capabilities of the racer in tests/harness/racer-duel.ts; in the host's pid namespace none tells anything. */
const allowed = { CONTAINER: "a80c25fb", TARGET: "a80c25fb", NODE: "ffffffffffffffff" } as const;

export interface ControlReport {
  readonly mode: string;
  readonly entered: number;
  readonly heldUp: number;
  readonly met: boolean;
  readonly hits: readonly string[];
}

/**
 * The racer that crib is attacked with, against another runtime in crib's place: what it finds there says whether it can find anything.
 * Nobody is judged by it, so nothing is thrown for a find.
 */
export async function soakControl(
  runtime: string,
  minutes: number,
  wanted: readonly ControlMode[] = modes,
): Promise<readonly ControlReport[]> {
  const reports: ControlReport[] = [];
  for (const mode of wanted) {
    using control = new Control(runtime);
    reports.push(await control.run(mode, minutes * 60_000));
  }
  return reports;
}

class Control implements Disposable {
  readonly #workspace = openWorkspace("race-control");
  readonly #runtime: string;
  readonly #root: string;
  readonly #ids: string[] = [];
  #count = 0;

  constructor(runtime: string) {
    this.#runtime = runtime;
    this.#root = makeControlRoot(this.#workspace.path);
    mkdirSync(join(this.#workspace.path, "state"));
    writeFileSync(join(this.#workspace.path, "of-the-host"), "host", { mode: 0o600 });
  }

  async run(mode: ControlMode, milliseconds: number): Promise<ControlReport> {
    const log = join(this.#workspace.path, "racer.log");
    const entered = mode === "CONTAINER" ? undefined : await this.#start({ args: ["/bin/pause"], pid: pidOf(mode) });
    const racer = await this.#start(
      {
        args: this.#attack(mode),
        pid: entered === undefined ? "own" : pidOf(mode, entered.pid),
        traces: mode !== "NODE",
      },
      log,
    );
    const text = (): string => readFileSync(log, "utf8");
    await waitUntil(() => text().includes("watching"), { what: "the racer watches" });
    setPriority(racer.pid, getPriority() - 20);
    const end = performance.now() + milliseconds;
    let [count, heldUp] = [0, 0];
    const comeIn = async (): Promise<void> => {
      while (performance.now() < end) {
        if (await this.#runtimeCall(["exec", (entered ?? racer).id, "/bin/true"])) count++;
        else heldUp++;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, comeIn));
    const hits = text()
      .split("\n")
      .filter((line) => line.startsWith("HIT "));
    return { mode, entered: count, heldUp, met: text().includes("saw them come"), hits };
  }

  [Symbol.dispose](): void {
    for (const id of this.#ids.toReversed()) Bun.spawnSync(this.#command(["delete", "-f", id], longestStartSeconds));
    this.#workspace.remove();
  }

  #attack(mode: ControlMode): readonly string[] {
    const secret = join(this.#workspace.path, "of-the-host");
    return ["/bin/racer", allowed[mode], secret, readlinkSync("/proc/self/ns/mnt"), "no secret", "runc:["];
  }

  async #start(
    { args, pid, traces = false }: Pick<ControlContainer, "args" | "pid"> & { readonly traces?: boolean },
    log = "/dev/null",
  ): Promise<{ readonly id: string; readonly pid: number }> {
    const id = `race-${process.pid}-${this.#count++}`;
    const bundle = join(this.#workspace.path, id);
    const capabilities = [...defaultCapabilities, ...(traces ? ["CAP_SYS_PTRACE"] : [])];
    writeControlBundle(bundle, this.#root, { args, pid, capabilities, cgroup: `${cgroupPrefix()}${id}` });
    const pidFile = join(bundle, "pid");
    this.#ids.push(id);
    const output = openSync(log, "a");
    const started = await this.#runtimeCall(
      ["run", "-d", "--pid-file", pidFile, "--bundle", bundle, id],
      output,
      longestStartSeconds,
    );
    closeSync(output);
    if (!started) throw new Error(`${this.#runtime} did not start ${args.join(" ")}: ${readFileSync(log, "utf8")}`);
    return { id, pid: Number(readFileSync(pidFile, "utf8")) };
  }

  /** @returns false when it failed or had to be killed. */
  async #runtimeCall(
    words: readonly string[],
    output: number | "ignore" = "ignore",
    seconds = longestSeconds,
  ): Promise<boolean> {
    const child = Bun.spawn(this.#command(words, seconds), { stdin: "ignore", stdout: output, stderr: output });
    return (await child.exited) === 0;
  }

  #command(words: readonly string[], seconds: number): string[] {
    return [
      "timeout",
      "-s",
      "KILL",
      String(seconds),
      this.#runtime,
      "--root",
      join(this.#workspace.path, "state"),
      ...words,
    ];
  }
}

function pidOf(mode: ControlMode, target?: number): ControlContainer["pid"] {
  if (mode === "NODE") return "host";
  return target === undefined ? "own" : { of: target };
}
