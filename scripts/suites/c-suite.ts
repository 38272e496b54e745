import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildDir, fromRoot } from "../build/paths.ts";
import { boundedRun } from "./bounded-run.ts";
import { add, type Counts, failure, noTests, type Suite } from "./suite.ts";

const LIMIT_SECONDS = 10 * 60;

/** Shell scripts that compile C tests with sanitizers into a directory, run them, and print `ok …` a test or `not ok …`. */
const scripts = ["ffi/tests/run.sh", "ffi/libcrib/tests/run.sh", "ffi/layers/tests/run.sh"] as const;

async function runScript(script: string): Promise<Counts> {
  const output = join(buildDir, "c-tests");
  mkdirSync(output, { recursive: true });
  const { code, stdout: text, stderr } = await boundedRun(["sh", fromRoot(script), output], LIMIT_SECONDS);
  const passed = text.match(/^ok\b.*$/gm)?.length ?? 0;
  const named = text.match(/^not ok\b.*$/gm)?.length ?? 0;
  const failed = code === 0 ? named : Math.max(named, 1);
  return { passed, failed, skipped: 0, failures: failed > 0 ? [failure(script, `${text}\n${stderr}`)] : [] };
}

export function cSuite(): Suite {
  return {
    name: "c",
    async run() {
      const there = scripts.filter((path) => existsSync(fromRoot(path)));
      // Side by side: each compiles into directories of its own, and fuzzers wait for the clock.
      return (await Promise.all(there.map(runScript))).reduce(add, noTests);
    },
  };
}
