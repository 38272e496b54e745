import { readdirSync, readFileSync } from "node:fs";
import { waitUntil } from "./wait-until.ts";

/** What a monitor holds when its pod has one running container and nothing else. */
export interface AtRest {
  readonly descriptors: readonly string[];
  readonly children: number;
}

/** The monitor of this pod or spare; undefined when none runs. */
export function monitorPid(id: string): number | undefined {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (readFileSync(`/proc/${name}/cmdline`, "utf8").startsWith(`crib-monitor\0${id}\0`)) return Number(name);
    } catch (error) {
      // It ended meanwhile.
      if (!(error instanceof Error && "code" in error)) throw error;
    }
  }
  return undefined;
}

/** The monitor of this pod. @throws when none runs. */
export function theMonitor(id: string): number {
  const pid = monitorPid(id);
  if (pid === undefined) throw new Error(`no monitor of ${id} runs`);
  return pid;
}

/** `R`, `S`, `T`, `Z` … of proc(5); undefined when there is no such process. */
export function processState(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[0];
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
      return undefined;
    throw error;
  }
}

/** The numbers of the descriptors it has open. */
export function descriptorsOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`);
}

/** None when there is no such process. */
export function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) return [];
    throw error;
  }
}

/** Stops the process as a hung one is: alive, and silent. Continued when disposed of, should it still be there. */
export async function silence(pid: number): Promise<Disposable> {
  process.kill(pid, "SIGSTOP");
  await waitUntil(() => processState(pid) === "T", { what: `process ${pid} stands still` });
  return {
    [Symbol.dispose]: () => {
      if (processState(pid) === "T") process.kill(pid, "SIGCONT");
    },
  };
}

/** Resolves when the process is gone. */
export async function ended(pid: number): Promise<void> {
  await waitUntil(() => [undefined, "Z", "X"].includes(processState(pid)), { what: `process ${pid} ends` });
}
