import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { ContainerState } from "../../src/gen/runtime/v1/api_pb.ts";
import { expectNoResidue, hostSnapshot } from "../harness/host-snapshot.ts";
import type { Random } from "../harness/random.ts";
import { say } from "../harness/say.ts";
import { mountSilentFs, type SilentFs } from "../harness/silent-fs.ts";
import type { TestBed } from "../harness/test-bed.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { timeFactor } from "../harness/time-factor.ts";
import { waitUntil } from "../harness/wait-until.ts";

export interface ChaosOptions {
  readonly seconds: number;
  readonly clients: number;
}

/** Longer than this no RPC on a healthy pod may take, but for the daemon's absence. */
const slowMs = 1_000;
/** Nor may anything hold the event loop longer. */
const heldLoopMs = 100;
/** A client gives up on a life that takes longer, as a kubelet gives up on an RPC, and begins another. */
const longestLifeMs = 20_000;
const steadyPods = 4;

/**
 * Clients that make, use, stop and remove pods, while the daemon and monitors are killed, monitors and stages stopped, volumes
 * hang and the state directory fills up. A few pods that nobody touches must not notice, and answer in time all along.
 *
 * @returns what happened, in a line. @throws with everything that broke a promise.
 */
export async function soakChaos(bed: TestBed, options: ChaosOptions, random: Random): Promise<string> {
  await using silent = await mountSilentFs(join(bed.engine.directory, "silent"));
  const before = hostSnapshot(bed.engine);
  Bun.spawnSync(["mount", "-o", "remount,size=64m", bed.engine.state]);
  const chaos = new Chaos(bed, options, random, silent);
  await chaos.run();
  await silent.abort();
  const removed = await chaos.removeAll();
  await expectNoResidue(bed.engine, before, 30_000);
  chaos.check();
  return `${chaos.summary()}; all ${removed} pods that were left removed, nothing stays`;
}

class Chaos {
  readonly #bed: TestBed;
  readonly #options: ChaosOptions;
  readonly #random: Random;
  readonly #silent: SilentFs;
  readonly #steady: { readonly container: TestContainer; readonly pid: number }[] = [];
  readonly #broken: string[] = [];
  readonly #counts = new Map<string, number>();
  readonly #stopped = new Set<number>();
  #over = false;
  /** Odd while the daemon is away. */
  #epoch = 0;
  #slowest = { ms: 0, what: "none" };

  constructor(bed: TestBed, options: ChaosOptions, random: Random, silent: SilentFs) {
    this.#bed = bed;
    this.#options = options;
    this.#random = random;
    this.#silent = silent;
  }

  async run(): Promise<void> {
    for (let index = 0; index < steadyPods; index++) {
      const container = await this.#bed.runIdle(await this.#bed.runPod());
      this.#steady.push({ container, pid: await container.pid() });
    }
    const until = performance.now() + this.#options.seconds * 1000;
    const lives = Array.from({ length: this.#options.clients }, (_, index) => this.#churn(index));
    const probes = this.#steady.map(({ container, pid }) => this.#probe(container, pid));
    while (performance.now() < until) {
      await this.#disturb();
      await Bun.sleep(this.#random.between(50, 600));
    }
    say(`      the faults are over: ${this.summary()}`);
    this.#over = true;
    this.#resumeAll();
    await Promise.all([...lives, ...probes]);
  }

  /** Every promise that was broken on the way. */
  check(): void {
    const log = readFileSync(join(this.#bed.engine.directory, "daemon.log"), "utf8");
    for (const line of log.split("\n")) {
      const heldMs = Number(/event loop was held heldMs=(\d+)/.exec(line)?.[1] ?? 0);
      if (heldMs > heldLoopMs * timeFactor() || line.includes("uncaught")) this.#broken.push(line);
    }
    if (this.#slowest.ms > slowMs * timeFactor()) {
      this.#broken.push(`${this.#slowest.what} of a healthy pod took ${Math.round(this.#slowest.ms)} ms`);
    }
    if (this.#broken.length > 0) throw new Error(`${this.summary()}\n  ${this.#broken.slice(0, 20).join("\n  ")}`);
  }

  summary(): string {
    const counts = [...this.#counts].map(([what, count]) => `${count} ${what}`).join(", ");
    return `${counts}; slowest RPC on a healthy pod ${Math.round(this.#slowest.ms)} ms (${this.#slowest.what})`;
  }

  /** As a kubelet does, until it succeeds. */
  async removeAll(): Promise<number> {
    const { items } = await this.#bed.cri.runtime.listPodSandbox({});
    for (const { id } of items) {
      await waitUntil(
        async () => {
          await this.#bed.cri.runtime.stopPodSandbox({ podSandboxId: id }, { timeoutMs: 30_000 });
          await this.#bed.cri.runtime.removePodSandbox({ podSandboxId: id }, { timeoutMs: 30_000 });
          return true;
        },
        { what: `pod ${id} is removed`, boundMs: 90_000 },
      );
    }
    return items.length;
  }

  async #churn(index: number): Promise<void> {
    for (let round = 0; !this.#over; round++) {
      try {
        await within(this.#life(index, round), longestLifeMs);
        this.#count("lives");
      } catch (error) {
        this.#count(`lives cut short by ${Code[ConnectError.from(error).code]}`);
        await Bun.sleep(this.#random.between(20, 200));
      }
    }
  }

  async #life(index: number, round: number): Promise<void> {
    const pod = await this.#bed.runPod();
    const hangs = index === 0 && round % 3 === 0;
    const mounts = hangs
      ? [{ hostPath: join(this.#silent.path, "file"), containerPath: "/hangs", readonly: true }]
      : [];
    const container = await this.#bed.runIdle(pod, { mounts });
    await container.exec(["true"], 3);
    await Bun.sleep(this.#random.between(0, 300));
    await container.stop(round % 2);
    await pod.stop();
    await pod.remove();
  }

  async #probe(container: TestContainer, pid: number): Promise<void> {
    while (!this.#over) {
      await this.#timed("PodSandboxStatus", () => container.pod.status());
      await this.#timed("ContainerStatus", async () => {
        const { state } = await container.status();
        if (state !== ContainerState.CONTAINER_RUNNING) this.#broken.push(`${container.id} is told as ${state}`);
      });
      await this.#timed("ExecSync", async () => {
        const { stdout } = await container.exec(["echo", "alive"]);
        if (stdout !== "alive\n") this.#broken.push(`an exec in ${container.id} said ${JSON.stringify(stdout)}`);
      });
      await this.#timed("ListPodSandboxStats", () => this.#bed.cri.runtime.listPodSandboxStats({}));
      if (!existsSync(`/proc/${pid}`)) {
        this.#broken.push(`the healthy container ${container.id} was ended`);
        return;
      }
      await Bun.sleep(100);
    }
  }

  /** What fails or takes long counts, unless the daemon was away meanwhile. */
  async #timed(what: string, work: () => Promise<unknown>): Promise<void> {
    const epoch = this.#epoch;
    const start = performance.now();
    const failure = await work().then(
      () => undefined,
      (error: unknown) => error,
    );
    const ms = performance.now() - start;
    if (epoch !== this.#epoch || epoch % 2 === 1) return;
    if (failure !== undefined) this.#broken.push(`${what} of a healthy pod failed: ${String(failure)}`);
    if (ms > this.#slowest.ms) this.#slowest = { ms, what };
    this.#count("RPCs on healthy pods");
  }

  async #disturb(): Promise<void> {
    const dice = this.#random.next();
    if (dice < 0.05) await this.#killDaemon();
    else if (dice < 0.25) this.#signal(this.#monitors(), "SIGKILL", "monitors killed");
    else if (dice < 0.55) this.#signal(this.#monitors(), "SIGSTOP", "monitors stopped");
    else if (dice < 0.75) this.#signal(this.#stages(), "SIGSTOP", "stages stopped");
    else if (dice < 0.85) await this.#hangVolumes();
    else if (dice < 0.9) await this.#fillState();
    else this.#resumeAll();
  }

  async #killDaemon(): Promise<void> {
    this.#epoch += 1;
    await this.#bed.engine.kill9();
    await this.#bed.engine.start();
    this.#epoch += 1;
    this.#count("daemons killed");
  }

  async #hangVolumes(): Promise<void> {
    await this.#silent.silence();
    await Bun.sleep(this.#random.between(100, 1500));
    await this.#silent.recover();
    this.#count("times volumes hung");
  }

  async #fillState(): Promise<void> {
    const fill = join(this.#bed.engine.state, "fill");
    try {
      for (;;) appendFileSync(fill, new Uint8Array(64 << 10));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    }
    await Bun.sleep(this.#random.between(100, 1500));
    rmSync(fill, { force: true });
    this.#count("times the state directory was full");
  }

  #signal(pids: readonly number[], signal: "SIGKILL" | "SIGSTOP", what: string): void {
    const pid = pids[Math.floor(this.#random.between(0, pids.length))];
    if (pid === undefined || !sent(pid, signal)) return;
    if (signal === "SIGSTOP") this.#stopped.add(pid);
    this.#count(what);
  }

  #resumeAll(): void {
    for (const pid of this.#stopped) sent(pid, "SIGCONT");
    this.#stopped.clear();
  }

  /** Monitors of pods that come and go. */
  #monitors(): readonly number[] {
    const healthy = new Set(this.#steady.map(({ container }) => container.pod.id));
    return processes(({ argv }) => {
      const [program, sandbox = "", directory = ""] = argv;
      return program === "crib-monitor" && directory.startsWith(this.#bed.engine.state) && !healthy.has(sandbox);
    });
  }

  /** Children of those monitors that still are what the monitor is: on their way to execve. */
  #stages(): readonly number[] {
    const monitors = new Set(this.#monitors());
    return processes(({ argv, parent }) => monitors.has(parent) && argv[0] === "crib-monitor");
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}

async function within(work: Promise<void>, ms: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new ConnectError("given up", Code.DeadlineExceeded)), ms);
  // What is given up may fail later: nobody is left to be told.
  work.catch(() => undefined);
  await Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}

function sent(pid: number, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

function processes(
  wanted: (entry: { readonly argv: readonly string[]; readonly parent: number }) => boolean,
): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const argv = readFileSync(`/proc/${name}/cmdline`, "latin1").split("\0");
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      return wanted({ argv, parent }) ? [Number(name)] : [];
    } catch (error) {
      // It ended while it was looked at.
      if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) return [];
      throw error;
    }
  });
}
