import { readdirSync, readFileSync } from "node:fs";
import { processUse, pssKib } from "../harness/process-memory.ts";
import { removeAllPods } from "../harness/remove-all-pods.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { waitUntil } from "../harness/wait-until.ts";
import type { Contender } from "./contender.ts";

export interface MemoryUse {
  /** PSS of all that the engine adds for one pod with one container: monitor or shim, pause. Not the workload. */
  readonly perPodKib: number;
}

export interface DensityUse {
  readonly daemonMib: number;
  /** From the start of a killed daemon to its first list of all these pods. */
  readonly restartMs: number;
}

const QUIET_MS = 1_000;
const SETTLE_LIMIT_MS = 10_000;

/** A daemon's resident memory once it has stopped falling: what a start needed for a moment is not what it holds. */
export async function settledRssMib(pid: number): Promise<number> {
  let lowestKib = processUse(pid).rssKib;
  let sinceMs = performance.now();
  const giveUpMs = sinceMs + SETTLE_LIMIT_MS;
  while (performance.now() - sinceMs < QUIET_MS && performance.now() < giveUpMs) {
    await Bun.sleep(50);
    const { rssKib } = processUse(pid);
    if (rssKib >= lowestKib) continue;
    lowestKib = rssKib;
    sinceMs = performance.now();
  }
  return lowestKib / 1024;
}

/** Runs `count` pods and adds up the processes that are there because of them. */
export async function measureMemory(entry: Contender, count: number): Promise<MemoryUse> {
  const before = new Set(engineProcesses());
  const workloads = await runPods(entry, count, 1);
  const own = new Set(await Promise.all(workloads.map((container) => container.pid())));
  // One of crib's was there before, waiting for its pod; its successor comes a moment after the last pod. What one look finds
  // and the next does not was on its way out, as a runc that has started its container.
  let seen: readonly number[] = [];
  const added = await waitUntil(
    () => {
      const found = engineProcesses().filter((pid) => !before.has(pid) && !own.has(pid));
      const settled = found.length >= count && found.join() === seen.join();
      seen = found;
      return settled ? found : undefined;
    },
    { what: `${entry.engine} has added a process for each of ${count} pods` },
  );
  const total = added.reduce((sum, pid) => sum + pssKib(pid), 0);
  await removeAllPods(entry.bed.cri);
  return { perPodKib: total / count };
}

/** The daemon's memory with `count` pods, and how long it takes to know them again after SIGKILL. */
export async function measureDensity(entry: Contender, count: number): Promise<DensityUse> {
  const { bed } = entry;
  await runPods(entry, count, 4);
  const daemonMib = await settledRssMib(bed.engine.pid);
  await bed.engine.kill9();
  const start = performance.now();
  await bed.engine.start();
  const { items } = await bed.cri.runtime.listPodSandbox({});
  const restartMs = performance.now() - start;
  if (items.length < count) throw new Error(`${bed.kind} lists ${items.length} of ${count} pods after a restart`);
  await removeAllPods(bed.cri);
  return { daemonMib, restartMs };
}

async function runPods(
  { bed, pod, container }: Contender,
  count: number,
  parallel: number,
): Promise<readonly TestContainer[]> {
  const containers: TestContainer[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next++ < count) containers.push(await bed.run(await bed.runPod(pod), container));
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return containers;
}

/** By name: a monitor or shim need not tell in its command line whose it is. The benchmark owns the machine's engines. */
const NAMES = /^(crib|containerd-shim|pause|runc)/;

function engineProcesses(): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid)) return false;
      try {
        return NAMES.test(readFileSync(`/proc/${pid}/comm`, "utf8"));
      } catch (error) {
        if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
          return false;
        throw error;
      }
    });
}
