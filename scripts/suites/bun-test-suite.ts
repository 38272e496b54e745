import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildDir, fromRoot } from "../build/paths.ts";
import { boundedRun } from "./bounded-run.ts";
import { junitCounts } from "./junit-counts.ts";
import { add, type Counts, failure, noTests, type Suite } from "./suite.ts";

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
  const { code, timedOut, stdout, stderr } = await boundedRun(command, options.limitSeconds);
  const output = `${stdout}\n${stderr}`;
  const counts = existsSync(report) && !timedOut ? junitCounts(readFileSync(report, "utf8"), output) : noTests;
  if (code === 0 || counts.failed > 0) return counts;
  // A file that does not load, or an error between two tests, is in no report and still a failure.
  const ending = timedOut ? `not done after ${options.limitSeconds} s` : `exit code ${code} without a failed test`;
  return add(counts, {
    ...noTests,
    failed: 1,
    failures: [failure(`${files.length > 1 ? `${files.length} files` : files[0]}: ${ending}`, output)],
  });
}

/** Files run by `bun test`, counted from its JUnit report. */
export function bunTestSuite(name: string, options: BunTestOptions): Suite {
  return {
    name,
    async run() {
      if (options.needsRoot && process.getuid?.() !== 0) {
        console.log(`${name}: skipped, it needs root (namespaces, mounts, cgroups)`);
        return { ...noTests, skipped: 1 };
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
