import { boundedRun } from "./bounded-run.ts";
import type { Suite } from "./suite.ts";

const LIMIT_SECONDS = 10 * 60;

/** A command that either passes or fails as a whole. */
export function commandSuite(name: string, command: readonly string[]): Suite {
  return {
    name,
    async run() {
      const { code } = await boundedRun(command, LIMIT_SECONDS);
      return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
    },
  };
}
