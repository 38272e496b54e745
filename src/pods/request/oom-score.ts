import { readFileSync, writeFileSync } from "node:fs";
import { hasErrno } from "../../errors/has-errno.ts";

/**
 * Moves the processes that have the `old` score to the new one (proc_pid_oom_score_adj(5)). One that has chosen another for
 * itself keeps it; one that ends meanwhile is no failure.
 *
 * @returns whether the kernel refused any of them (EACCES: lowering a score needs CAP_SYS_RESOURCE).
 */
export function adjustOomScore(pids: readonly number[], old: number, score: number): { readonly refused: boolean } {
  let refused = false;
  for (const pid of pids) {
    const file = `/proc/${pid}/oom_score_adj`;
    try {
      if (Number(readFileSync(file, "utf8")) === old) writeFileSync(file, `${score}`);
    } catch (error) {
      if (hasErrno(error, "EACCES")) refused = true;
      else if (!hasErrno(error, "ENOENT", "ESRCH")) throw error;
    }
  }
  return { refused };
}
