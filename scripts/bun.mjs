// Runs the pinned Bun with the given arguments: `node scripts/bun.mjs build.ts`. Plain Node without dependencies.
import { spawnSync } from "node:child_process";
import { findBun } from "./find-bun.mjs";

const bun = findBun();
if (bun === undefined) {
  process.stderr.write("bun is not installed: run node scripts/setup.mjs build\n");
  process.exit(1);
}
const result = spawnSync(bun, process.argv.slice(2), { stdio: "inherit" });
if (result.error) process.stderr.write(`${bun}: ${result.error.message}\n`);
process.exit(result.status ?? 1);
