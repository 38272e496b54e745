/** A test that failed, or a program that counts for several, and the end of what it printed. */
export interface Failure {
  readonly name: string;
  readonly output: string;
}

/** How many tests of a suite did what. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Told again at the end of a run: whoever reads only the last page of a long log must find them there. */
  readonly failures: readonly Failure[];
}

export const noTests: Counts = { passed: 0, failed: 0, skipped: 0, failures: [] };

export function add(left: Counts, right: Counts): Counts {
  return {
    passed: left.passed + right.passed,
    failed: left.failed + right.failed,
    skipped: left.skipped + right.skipped,
    failures: [...left.failures, ...right.failures],
  };
}

const TOLD_LINES = 60;

/** A failure with the last lines of an output that may be long. */
export function failure(name: string, output: string): Failure {
  return { name, output: output.trimEnd().split("\n").slice(-TOLD_LINES).join("\n") };
}

/** One group of checks that a developer can also run alone. */
export interface Suite {
  readonly name: string;
  run(): Promise<Counts>;
}
