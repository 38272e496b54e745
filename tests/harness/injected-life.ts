import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CribError } from "../../src/errors/crib-error.ts";
import { type ContainerId, newSandboxId } from "../../src/ids/object-id.ts";
import { parseHostPath } from "../../src/ids/path.ts";
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUTS } from "../../src/kernel/clone-flags.ts";
import type { ContainerExit } from "../../src/runtime/port.ts";
import { bounded } from "./bounded.ts";
import { type FailingCall, readSyscallLog, writeOrder } from "./failing-call.ts";
import { collect, type MonitorBed, type Pod, type Started, sh } from "./monitor-bed.ts";
import type { AtRest } from "./monitor-process.ts";
import { childrenOf, descriptorsOf, monitorPid, processState } from "./monitor-process.ts";
import { waitUntil } from "./wait-until.ts";

export interface Life {
  readonly directory: string;
  readonly atRest: AtRest | undefined;
  /** Whether the call that was to fail was made at all. */
  readonly met: boolean;
  /** What was answered with an error, each one typed. */
  readonly refused: readonly string[];
}

const boundMs = 4_000;

/**
 * One pod's life with a monitor of which one call fails: setup, starts in each pid namespace, with a terminal and without,
 * execs, attach, signal, list, a log opened again, shutdown.
 *
 * @throws what must not be: an error without a type, a second failure of the same request, an exit that nobody hears of, a
 * container that ends with another's failure, a monitor that ends, anything left behind.
 */
export async function liveWith(
  bed: MonitorBed,
  program: string,
  call: FailingCall | undefined,
  control?: AtRest,
): Promise<Life> {
  return await new InjectedLife(bed, program, call, control).live();
}

class InjectedLife {
  readonly #id = newSandboxId();
  readonly #directory;
  readonly #refused: string[] = [];
  readonly #exits: ContainerExit[] = [];
  /** The containers this life knows of: others are of answers that were lost. */
  readonly #known = new Set<string>();
  #pod: Pod | undefined;

  constructor(
    readonly bed: MonitorBed,
    readonly program: string,
    readonly call: FailingCall | undefined,
    readonly control: AtRest | undefined,
  ) {
    this.#directory = parseHostPath(join(bed.path, this.#id));
  }

  async live(): Promise<Life> {
    mkdirSync(this.#directory, { mode: 0o700 });
    writeOrder(this.#directory, this.program, ...(this.call === undefined ? [] : [this.call]));
    const atRest = (await this.#begin()) ? await this.#work() : undefined;
    await this.#end();
    const { met } = readSyscallLog(this.#directory);
    return { directory: this.#directory, atRest, met, refused: this.#refused };
  }

  get #theirs(): Pod {
    if (this.#pod === undefined) throw new Error("there is no monitor");
    return this.#pod;
  }

  async #begin(): Promise<boolean> {
    const launched = await this.#try("launch", () => this.bed.launcher.launch(this.#id, this.#directory));
    if (launched === undefined) return false;
    this.#join(launched);
    const unshare = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    const sysctls = [{ key: "net/ipv4/ip_unprivileged_port_start", value: "0" }];
    const setup = { unshare, hostname: "failing", loopback: true, pidInit: true, sysctls };
    // A pod whose setup failed is taken down: nobody asks a second time.
    return (await this.#try("setup", () => launched.setup(setup))) !== undefined;
  }

  #join(monitor: Pod["monitor"]): void {
    monitor.onExit((exit) => this.#exits.push(exit));
    this.#pod = { id: this.#id, directory: this.#directory, monitor, exits: this.#exits };
  }

  /** undefined when it was refused, with words. */
  async #try<Result>(what: string, work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await bounded(what, work());
    } catch (error) {
      if (!CribError.is(error)) throw error;
      this.#refused.push(`${what}: ${error.code}: ${error.message}`);
      return undefined;
    }
  }

  /** What is refused once is asked for again: only one call fails. */
  async #must<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    const first = await this.#try(what, work);
    if (first !== undefined) return first;
    await this.#reconnect();
    const second = await this.#try(what, work);
    if (second === undefined) throw new Error(`${what} failed twice: ${this.#refused.join("; ")}`);
    return second;
  }

  /** As a daemon does that has lost its connection: it lists, and takes away what it knows nothing of. */
  async #reconnect(): Promise<void> {
    this.#theirs.monitor.disconnect();
    const again = await this.bed.launcher.reconnect(this.#id, this.#directory);
    this.#join(again);
    for (const { id, exit } of await again.list()) {
      if (this.#known.has(id)) continue;
      if (exit === undefined) await again.signal(id, 9);
      await this.#exitOf(id);
      await again.forget(id);
    }
  }

  /** By news or by list. */
  async #exitOf(id: ContainerId): Promise<ContainerExit> {
    const told = () => this.#exits.find((exit) => exit.id === id);
    const listed = async () => {
      const all = await this.#try("list", () => this.#theirs.monitor.list());
      if (all === undefined) await this.#reconnect();
      return all?.find((one) => one.id === id)?.exit;
    };
    return await waitUntil(async () => told() ?? (await listed()), { what: `the exit of ${id}`, boundMs });
  }

  async #start(
    what: string,
    ...[plan, request]: [Parameters<MonitorBed["start"]>[1], Parameters<MonitorBed["start"]>[2]?]
  ) {
    const started = await this.#must(`start ${what}`, () => this.bed.start(this.#theirs, plan, request));
    this.#known.add(started.id);
    return started;
  }

  async #work(): Promise<AtRest> {
    const lasting = await this.#start(
      "the lasting one",
      { argv: sh("echo up; while read line; do echo got $line; done") },
      { stdin: true },
    );
    await this.#brief();
    await this.#terminal();
    await this.#execs(lasting);
    await this.#ping(lasting);
    await this.#must("reopen", async () => (await this.#theirs.monitor.reopenLog(lasting.id)) ?? true);
    await this.#ping(lasting);
    const listed = await this.#must("list", () => this.#theirs.monitor.list());
    const one = listed.find(({ id }) => id === lasting.id);
    if (one === undefined || one.exit !== undefined || one.pid !== lasting.pid)
      throw new Error(`the lasting container is not listed as running: ${JSON.stringify(one?.exit)}`);
    if (!["S", "R"].includes(processState(lasting.pid) ?? "")) throw new Error("the lasting container has ended");
    const pings = lasting.log().match(/^.*got ping/gm)?.length ?? 0;
    if (pings < 2 && one.droppedLogBytes === 0n)
      throw new Error(`output is missing from the log, and not counted:\n${lasting.log()}`);
    return await this.#rest();
  }

  async #forget(id: ContainerId): Promise<void> {
    await this.#must("forget", async () => (await this.#theirs.monitor.forget(id)) ?? true).catch((error: unknown) => {
      // Forgotten before its answer was lost.
      if (!String(error).includes("not-found")) throw error;
    });
  }

  async #brief(): Promise<void> {
    const brief = await this.#start("a brief one", { argv: sh("echo brief; exit 7"), pidNamespace: { kind: "pod" } });
    const exit = await this.#exitOf(brief.id);
    if (exit.exitCode !== 7) throw new Error(`exit code ${exit.exitCode} instead of 7`);
    await this.#forget(brief.id);
  }

  async #terminal(): Promise<void> {
    const typed = await this.#start(
      "one with a terminal",
      { argv: sh("read line; exit $line"), terminal: true },
      { stdin: true },
    );
    await this.#must("type", async () => {
      using streams = await this.#theirs.monitor
        .attach({ containerId: typed.id, stdin: true, stdout: true, stderr: false })
        .catch((error: unknown) => {
          // What was typed arrived before its answer was lost: the exit code tells.
          if (CribError.is(error, "failed-precondition")) return undefined;
          throw error;
        });
      if (!streams) return true;
      for (const end of [streams.exited, streams.drained]) end.catch(() => undefined);
      collect(streams);
      await streams.writeStdin(Buffer.from("3\r"));
      return true;
    });
    const exit = await this.#exitOf(typed.id);
    if (exit.exitCode !== 3) throw new Error(`exit code ${exit.exitCode} instead of 3: was 3 ever read?`);
    await this.#forget(typed.id);
  }

  async #execs(container: Started): Promise<void> {
    await this.#must("exec", async () => {
      const { session, output } = await this.bed.exec(this.#theirs, container, { argv: sh("echo out; exit 5") });
      const exit = await session.exited;
      await session.drained;
      if (exit.exitCode !== 5 || output.stdout !== "out\n")
        throw new Error(`exec: ${exit.exitCode}, ${JSON.stringify(output.stdout)}`);
      return true;
    });
    await this.#must("signal", async () => {
      const { id, session } = await this.bed.exec(this.#theirs, container, { argv: ["/hello", "sleep", "1000"] });
      session.drained.catch(() => undefined);
      await this.#theirs.monitor.signal(id, 9);
      const exit = await session.exited;
      if (exit.exitCode !== 137) throw new Error(`exit code ${exit.exitCode} of what was killed`);
      return true;
    });
  }

  /** What is typed comes back, to whoever is attached. */
  async #ping(container: Started): Promise<void> {
    await this.#must("attach", async () => {
      using streams = await this.#theirs.monitor.attach({
        containerId: container.id,
        stdin: true,
        stdout: true,
        stderr: false,
      });
      let lost: unknown;
      streams.exited.catch((error: unknown) => {
        lost = error;
      });
      streams.drained.catch(() => undefined);
      const output = collect(streams);
      await streams.writeStdin(Buffer.from("ping\n"));
      await waitUntil(() => output.stdout.includes("got ping") || lost !== undefined, {
        what: "the answer to a ping",
        boundMs,
      });
      if (lost !== undefined) throw lost;
      return true;
    });
  }

  async #rest(): Promise<AtRest> {
    const pid = this.#theirs.monitor.pid;
    const now = (): AtRest => ({ descriptors: descriptorsOf(pid), children: childrenOf(pid).length });
    if (this.control === undefined) {
      await waitUntil(() => childrenOf(pid).length === 2, {
        what: "only the pod's init and a container are left",
        boundMs,
      });
      return now();
    }
    const { descriptors, children } = this.control;
    try {
      await waitUntil(() => now().children === children && now().descriptors.length === descriptors.length, {
        what: "nothing is left of what failed",
        boundMs,
      });
    } catch (error) {
      throw new Error(`${String(error)}: ${JSON.stringify(now())} instead of ${JSON.stringify(this.control)}`);
    }
    return now();
  }

  async #end(): Promise<void> {
    const pid = this.#pod?.monitor.pid;
    const children = pid === undefined ? [] : childrenOf(pid);
    if (this.#pod !== undefined) {
      // Over a connection that broke nobody is asked; a monitor without a pod has ended with it.
      if ((await this.#try("list", () => this.#theirs.monitor.list())) === undefined)
        await this.#try("reconnect", () => this.#reconnect());
      const done = await this.#try("shutdown", async () => (await this.#theirs.monitor.shutdown()) ?? true);
      if (done === undefined && monitorPid(this.#id) !== undefined) {
        await this.#reconnect();
        await this.#theirs.monitor.shutdown();
      }
    }
    await waitUntil(() => monitorPid(this.#id) === undefined, { what: "the monitor's end", boundMs });
    await waitUntil(() => children.every((child) => processState(child) === undefined), {
      what: "the children's end",
      boundMs,
    });
    if (readFileSync("/proc/self/mountinfo", "utf8").includes(this.#id)) throw new Error("a mount is left");
    // Who fails to launch it kills what runs it, which can then say no more.
    if (this.#pod === undefined) return;
    const end = await waitUntil(() => readSyscallLog(this.#directory).end, {
      what: "word of the monitor's end",
      boundMs,
    });
    if (end !== "exited 0") throw new Error(`the monitor ${end}`);
  }
}
