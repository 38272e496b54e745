import { boundedRun } from "./bounded-run.ts";
import { failure, noTests, type Suite } from "./suite.ts";

const LIMIT_SECONDS = 10 * 60;

/** A command that either passes or fails as a whole. */
export function commandSuite(name: string, command: readonly string[]): Suite {
  return {
    name,
    async run() {
      const { code, stdout, stderr } = await boundedRun(command, LIMIT_SECONDS);
      if (code === 0) return { ...noTests, passed: 1 };
      return { ...noTests, failed: 1, failures: [failure(`${name}: exit code ${code}`, `${stdout}\n${stderr}`)] };
    },
  };
}
