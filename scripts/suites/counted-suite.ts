import { boundedRun } from "./bounded-run.ts";
import { failure, type Suite } from "./suite.ts";

/** A program that counts for itself and ends with `N passed, N failed`. */
export function countedSuite(name: string, command: readonly string[], limitSeconds: number): Suite {
  return {
    name,
    async run() {
      const { code, stdout, stderr } = await boundedRun(command, limitSeconds);
      const counted = [...stdout.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
      const passed = Number(counted?.[1] ?? 0);
      const failed = Number(counted?.[2] ?? 0);
      // It ended badly without having counted a failure: that is one.
      if (code !== 0) {
        const failures = [failure(`${name}: exit code ${code}`, `${stdout}\n${stderr}`)];
        return { passed, failed: Math.max(failed, 1), skipped: 0, failures };
      }
      // One that had nothing to do has said why (critest is not on PATH, say).
      return { passed, failed, skipped: passed + failed === 0 ? 1 : 0, failures: [] };
    },
  };
}
