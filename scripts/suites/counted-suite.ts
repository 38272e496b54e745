import { boundedRun } from "./bounded-run.ts";
import type { Suite } from "./suite.ts";

/** A program that counts for itself and ends with `N passed, N failed`. */
export function countedSuite(name: string, command: readonly string[], limitSeconds: number): Suite {
  return {
    name,
    async run() {
      const { code, stdout } = await boundedRun(command, limitSeconds);
      const counted = [...stdout.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
      const passed = Number(counted?.[1] ?? 0);
      const failed = Number(counted?.[2] ?? 0);
      // It ended badly without having counted a failure: that is one.
      return { passed, failed: code === 0 ? failed : Math.max(failed, 1), skipped: 0 };
    },
  };
}
