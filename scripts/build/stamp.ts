import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildDir, fromRoot } from "./paths.ts";

/** One step of the build: done again only when something it depends on is another than the last time. */
export interface Step {
  readonly name: string;
  /** Globs below the root whose files' contents count. */
  readonly inputs: readonly string[];
  /** What counts besides: commands, versions, flags. */
  readonly key: string;
  /** Paths below the root that must exist for the step to be done. */
  readonly outputs: readonly string[];
  readonly work: () => Promise<void>;
}

function hashInputs(step: Step): string {
  const hash = createHash("sha256").update(step.key);
  const paths = step.inputs.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: fromRoot() })]);
  for (const path of [...new Set(paths)].sort()) {
    hash.update(`\0${path}\0`).update(readFileSync(fromRoot(path)));
  }
  return hash.digest("hex");
}

/** Contents, not times: a checkout or a copy does not rebuild anything. Says in one line what it did. */
export async function runStep(step: Step): Promise<void> {
  const stampPath = join(buildDir, ".stamps", step.name);
  const digest = hashInputs(step);
  const present = step.outputs.every((path) => existsSync(fromRoot(path)));
  if (present && existsSync(stampPath) && readFileSync(stampPath, "utf8") === digest) {
    process.stdout.write(`  ${step.name.padEnd(10)} up to date\n`);
    return;
  }
  const started = performance.now();
  await step.work();
  mkdirSync(join(buildDir, ".stamps"), { recursive: true });
  writeFileSync(stampPath, digest);
  process.stdout.write(`  ${step.name.padEnd(10)} ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}
