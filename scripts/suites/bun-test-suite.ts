import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildDir, fromRoot } from "../build/paths.ts";
import { boundedRun } from "./bounded-run.ts";
import { junitCounts } from "./junit-counts.ts";
import { add, type Counts, noTests, type Suite } from "./suite.ts";

export interface BunTestOptions {
  /** Globs of test files below the root. */
  readonly files: readonly string[];
  /** A process for each file: what one leaves behind in the process (umask, threads) does not reach the next. */
  readonly isolated: boolean;
  readonly testTimeoutMs: number;
  readonly limitSeconds: number;
  readonly needsRoot: boolean;
}

async function runFiles(files: readonly string[], report: string, options: BunTestOptions): Promise<Counts> {
  rmSync(report, { force: true });
  const flags = [
    `--timeout=${options.testTimeoutMs}`,
    "--only-failures",
    "--reporter=junit",
    `--reporter-outfile=${report}`,
  ];
  const command = [process.execPath, "test", ...flags, ...files.map((file) => `./${file}`)];
  const { code, timedOut } = await boundedRun(command, options.limitSeconds);
  const counts = existsSync(report) && !timedOut ? junitCounts(readFileSync(report, "utf8")) : noTests;
  // A file that does not load, or an error between two tests, is in no report and still a failure.
  return code !== 0 && counts.failed === 0 ? add(counts, { passed: 0, failed: 1, skipped: 0 }) : counts;
}

/** Files run by `bun test`, counted from its JUnit report. */
export function bunTestSuite(name: string, options: BunTestOptions): Suite {
  return {
    name,
    async run() {
      if (options.needsRoot && process.getuid?.() !== 0) {
        console.log(`${name}: skipped, it needs root (namespaces, mounts, cgroups)`);
        return { passed: 0, failed: 0, skipped: 1 };
      }
      const reports = join(buildDir, "reports");
      mkdirSync(reports, { recursive: true });
      const files = options.files.flatMap((glob) => [...new Bun.Glob(glob).scanSync({ cwd: fromRoot() })]).sort();
      const groups = options.isolated ? files.map((file) => [file]) : [files];
      let counts = noTests;
      for (const [index, group] of groups.entries()) {
        if (group.length === 0) continue;
        if (options.isolated) console.log(`${group.join(" ")}`);
        counts = add(counts, await runFiles(group, join(reports, `${name}-${index}.xml`), options));
      }
      return counts;
    },
  };
}
