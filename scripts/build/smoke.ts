import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executablePath } from "./paths.ts";
import { run } from "./run.ts";
import type { Step } from "./stamp.ts";

const trap = 'require("node:fs").writeFileSync("trapped", ""); process.exit(99);\n';

/** Everything Bun would load from a directory or an environment if it were let. */
function layTraps(directory: string): Record<string, string> {
  const script = join(directory, "trap.js");
  writeFileSync(script, trap);
  writeFileSync(join(directory, "bunfig.toml"), `preload = [${JSON.stringify(script)}]\n`);
  writeFileSync(join(directory, ".env"), `BUN_OPTIONS=--preload=${script}\n`);
  return {
    BUN_BE_BUN: "1",
    BUN_OPTIONS: `--preload ${script}`,
    BUN_INSPECT: "127.0.0.1:0",
    BUN_INSPECT_PRELOAD: script,
    NODE_OPTIONS: `--require ${script}`,
    TMPDIR: "/nonexistent",
  };
}

function checkVersion(stdout: string): void {
  const version: unknown = JSON.parse(stdout);
  for (const field of ["version", "revision", "bun"]) {
    if (typeof version !== "object" || version === null || !(field in version)) {
      throw new Error(`dist/crib version --json has no ${field}: ${stdout}`);
    }
  }
}

/** Copied alone into an empty directory, with an empty and then a hostile environment, the executable answers. */
export async function smoke(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "crib-smoke-"));
  try {
    const copy = join(directory, "crib");
    copyFileSync(executablePath, copy);
    for (const env of [{}, layTraps(directory)]) {
      checkVersion((await run([copy, "version", "--json"], { cwd: directory, env })).stdout);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export function smokeStep(): Step {
  return { name: "smoke", inputs: ["dist/crib", "scripts/build/smoke.ts"], key: "", outputs: [], work: smoke };
}
