import { existsSync, readFileSync } from "node:fs";
import { waitUntil } from "./wait-until.ts";

/** A bystander: a process of the host that has a number somebody else had before. Any signal but SIGCHLD ends it. */
export interface Bystander {
  readonly pid: number;
  readonly alive: boolean;
  [Symbol.dispose](): void;
}

/**
 * Makes the next process of the host get `pid`, which must be free or about to be, as it would after enough others
 * (/proc/sys/kernel/ns_last_pid, proc(5)). Others on the host may be quicker, so it is tried more than once.
 *
 * @throws when somebody else has the number.
 */
export async function recyclePid(pid: number): Promise<Bystander> {
  await waitUntil(() => !existsSync(`/proc/${pid}`), { what: `process ${pid} is reaped` });
  const script = `for attempt in $(seq 100); do
    echo ${pid - 1} > /proc/sys/kernel/ns_last_pid
    sleep 1000 > /dev/null 2>&1 < /dev/null &
    [ $! = ${pid} ] && exit 0
    kill $!; wait $! 2>/dev/null
  done; exit 1`;
  const run = Bun.spawnSync(["sh", "-c", script]);
  if (!run.success) throw new Error(`no process could be given the number ${pid}: ${run.stderr.toString()}`);
  return {
    pid,
    get alive() {
      // One that was killed and is not reaped yet is still there, without a command line.
      return existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("sleep");
    },
    [Symbol.dispose]() {
      if (existsSync(`/proc/${pid}`)) process.kill(pid, "SIGKILL");
    },
  };
}
