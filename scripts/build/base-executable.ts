import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fromRoot } from "./paths.ts";
import type { Step } from "./stamp.ts";

/**
 * Environment variables that Bun's own start-up obeys before any line of crib runs: BUN_BE_BUN makes the executable the
 * bun command line, the others load foreign code or open a debugger port. crib runs as root, from cron jobs, units and
 * shells whose environment was not checked.
 */
const disarmed = ["BUN_BE_BUN", "BUN_OPTIONS", "BUN_INSPECT", "BUN_INSPECT_CONNECT_TO", "BUN_INSPECT_PRELOAD"] as const;

/**
 * Renames each variable's one NUL-terminated occurrence to a name that no environment can hold (it starts with "="), leaving
 * every offset as it was. docs/decisions/0003-never-a-bun-command-line.md
 *
 * @throws {Error} when a name is not there exactly once: another Bun needs another look, and the smoke test proves the effect.
 */
export function disarm(executable: Buffer): void {
  for (const name of disarmed) {
    const needle = Buffer.from(`\0${name}\0`, "latin1");
    const at = executable.indexOf(needle);
    if (at === -1 || executable.indexOf(needle, at + 1) !== -1) {
      throw new Error(`${name} is not exactly once in Bun ${Bun.version}: see scripts/build/base-executable.ts`);
    }
    executable[at + 1] = "=".charCodeAt(0);
  }
}

export const baseExecutable = "build/bun-base";

/** The Bun of node_modules, disarmed: what crib's code is appended to. */
export function baseStep(): Step {
  return {
    name: "base",
    inputs: ["scripts/build/base-executable.ts"],
    key: `${Bun.version} ${Bun.revision}`,
    outputs: [baseExecutable],
    async work() {
      const executable = readFileSync(process.execPath);
      disarm(executable);
      const aside = fromRoot(`${baseExecutable}.${process.pid}`);
      writeFileSync(aside, executable);
      chmodSync(aside, 0o755);
      renameSync(aside, fromRoot(baseExecutable));
    },
  };
}
