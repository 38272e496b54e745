import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { ContainerState } from "../../src/gen/runtime/v1/api_pb.ts";
import { expectNoResidue, hostSnapshot } from "../harness/host-snapshot.ts";
import type { Random } from "../harness/random.ts";
import { mountSilentFs, type SilentFs } from "../harness/silent-fs.ts";
import type { TestBed } from "../harness/test-bed.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { ChaosFaults } from "./chaos-faults.ts";
import { ChaosPromises } from "./chaos-promises.ts";

export interface ChaosOptions {
  readonly seconds: number;
  readonly clients: number;
  /** A client gives up on a life that takes longer, as a kubelet gives up on an RPC, and begins another. */
  readonly longestLifeMs?: number;
  readonly say?: (line: string) => void;
}

export interface ChaosReport {
  readonly isKept: boolean;
  /** A line for each promise, and what was done. */
  readonly lines: readonly string[];
}

const steadyPods = 4;
const extensionMs = 60_000;

/**
 * Clients that make, use, stop and remove pods, while the daemon and monitors are killed, monitors and stages stopped, volumes
 * and logs hang and the state directory fills up. A few pods that nobody touches must not notice, and answer in time all along.
 */
export async function soakChaos(bed: TestBed, options: ChaosOptions, random: Random): Promise<ChaosReport> {
  await using silent = await mountSilentFs(join(bed.engine.directory, "silent"));
  const before = hostSnapshot(bed.engine);
  Bun.spawnSync(["mount", "-o", "remount,size=64m", bed.engine.state]);
  const promises = new ChaosPromises();
  const chaos = new Chaos(bed, options, random, silent, promises);
  await chaos.run();
  await silent.abort();
  try {
    const removed = await chaos.removeAll();
    await expectNoResidue(bed.engine, before, 30_000);
    promises.tell("left", `${removed} pods were there and could be removed, the host is as before`);
  } catch (error) {
    promises.break("left", String(error));
  }
  promises.readLog(readFileSync(join(bed.engine.directory, "daemon.log"), "utf8"));
  return { isKept: promises.isKept, lines: [...promises.lines(), chaos.summary()] };
}

class Chaos {
  readonly #bed: TestBed;
  readonly #options: ChaosOptions;
  readonly #random: Random;
  readonly #silent: SilentFs;
  readonly #promises: ChaosPromises;
  readonly #lives = new Map<string, number>();
  #faults: ChaosFaults | undefined;
  #over = false;

  constructor(bed: TestBed, options: ChaosOptions, random: Random, silent: SilentFs, promises: ChaosPromises) {
    this.#bed = bed;
    this.#options = options;
    this.#random = random;
    this.#silent = silent;
    this.#promises = promises;
  }

  async run(): Promise<void> {
    const steady: { readonly container: TestContainer; readonly pid: number }[] = [];
    while (steady.length < steadyPods) {
      const container = await this.#bed.runIdle(await this.#bed.runPod());
      steady.push({ container, pid: await container.pid() });
    }
    const spared = new Set(steady.map(({ container }) => container.pod.id));
    const faults = new ChaosFaults(this.#bed, this.#random, this.#silent, spared);
    this.#faults = faults;
    const until = performance.now() + this.#options.seconds * 1000;
    const lives = Array.from({ length: this.#options.clients }, (_, index) => this.#churn(index));
    const probes = steady.map(({ container, pid }) => this.#probe(container, pid));
    // A stage lives for milliseconds and may be missed for a while: a short run goes on until each fault has come.
    const isOver = (): boolean => performance.now() > until + (faults.areComplete() ? 0 : extensionMs);
    while (!isOver()) {
      await faults.next();
      await Bun.sleep(this.#random.between(50, 600));
    }
    this.#options.say?.(`      the faults are over: ${this.summary()}`);
    this.#over = true;
    faults.resumeAll();
    await Promise.all([...lives, ...probes]);
    const alive = steady.filter(({ pid }) => existsSync(`/proc/${pid}`)).length;
    this.#promises.tell("ended", `${alive} of ${steady.length} still run`);
    for (const [fault, count] of faults.counts) if (count === 0) this.#promises.break("faults", `${fault}: never`);
  }

  summary(): string {
    const counted = (counts: ReadonlyMap<string, number>): string =>
      [...counts].map(([what, count]) => `${count} ${what}`).join(", ");
    return `${counted(this.#lives)}; faults: ${counted(this.#faults?.counts ?? new Map())}`;
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
        await within(this.#life(index, round), this.#options.longestLifeMs ?? 20_000);
        this.#count("lives");
      } catch (error) {
        this.#count(`lives cut short by ${Code[ConnectError.from(error).code]}`);
        await Bun.sleep(this.#random.between(20, 200));
      }
    }
  }

  /** Some of one client have a volume that may hang, some of another a log that may, and that they keep writing. */
  async #life(index: number, round: number): Promise<void> {
    const hangs = round % 3 === 0 ? (["volume", "log"] as const)[index] : undefined;
    const pod = await this.#bed.runPod(hangs === "log" ? { logDirectory: this.#silent.path } : {});
    const volume = { hostPath: join(this.#silent.path, "file"), containerPath: "/hangs", readonly: true };
    const container = await this.#bed.runIdle(pod, {
      ...(hangs === "volume" && { mounts: [volume] }),
      ...(hangs === "log" && { logPath: "file", command: ["sh", "-c", "while :; do echo line; sleep 0.02; done"] }),
    });
    await container.exec(["true"], 3);
    await Bun.sleep(this.#random.between(0, 300));
    await container.stop(round % 2);
    await pod.stop();
    await pod.remove();
  }

  async #probe(container: TestContainer, pid: number): Promise<void> {
    const wrong = (what: string): void => this.#promises.break("failed", what);
    while (!this.#over) {
      // Asks of nothing: how long the machine and the daemon's loop take for anything.
      await this.#timed("Version", () => this.#bed.cri.runtime.version({}));
      await this.#timed("PodSandboxStatus", () => container.pod.status());
      await this.#timed("ContainerStatus", async () => {
        const { state } = await container.status();
        if (state !== ContainerState.CONTAINER_RUNNING) wrong(`${container.id} is told as ${state}`);
      });
      await this.#timed("ExecSync", async () => {
        const { stdout } = await container.exec(["echo", "alive"]);
        if (stdout !== "alive\n") wrong(`an exec in ${container.id} said ${JSON.stringify(stdout)}`);
      });
      await this.#timed("ListPodSandboxStats", () => this.#bed.cri.runtime.listPodSandboxStats({}));
      if (!existsSync(`/proc/${pid}`)) {
        this.#promises.break("ended", container.id);
        return;
      }
      await Bun.sleep(100);
    }
  }

  /** What fails or takes long counts, unless the daemon was away meanwhile. */
  async #timed(what: string, work: () => Promise<unknown>): Promise<void> {
    const epoch = this.#faults?.epoch ?? 0;
    const start = performance.now();
    const failure = await work().then(
      () => undefined,
      (error: unknown) => error,
    );
    const ms = performance.now() - start;
    if (epoch !== this.#faults?.epoch || epoch % 2 === 1) return;
    if (failure !== undefined) this.#promises.break("failed", `${what}: ${String(failure)}`);
    this.#promises.called(what, ms, this.#lately());
  }

  /** What may have to do with a call that has just ended. */
  #lately(): string {
    const { fault, atMs } = this.#faults?.last ?? { fault: "none", atMs: 0 };
    return `${((performance.now() - atMs) / 1000).toFixed(1)} s after ${fault}`;
  }

  #count(what: string): void {
    this.#lives.set(what, (this.#lives.get(what) ?? 0) + 1);
  }
}

async function within(work: Promise<void>, ms: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new ConnectError("given up", Code.DeadlineExceeded)), ms);
  // What is given up may fail later: nobody is left to be told.
  work.catch(() => undefined);
  await Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
