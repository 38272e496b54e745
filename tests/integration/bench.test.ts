import { expect, test } from "bun:test";
import { join } from "node:path";
import { selectedEngine } from "../harness/select-engine.ts";

test("the benchmark runs all its parts and judges them", async () => {
  const main = join(import.meta.dir, "../bench/main.ts");
  const child = Bun.spawn([process.execPath, main, "--smoke", "--json", "--only", selectedEngine()], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`exit ${exitCode}: ${stderr}`);
  const { rows } = JSON.parse(stdout) as {
    readonly rows: readonly { readonly id: string; readonly [engine: string]: unknown }[];
  };
  const expected = [
    "lifecyclesPerSecond",
    "memoryPerPod",
    "pull",
    "daemonIdle",
    "daemonWithPods",
    "restart",
    "host.podToRunning",
  ];
  for (const id of expected) expect(rows.find((row) => row.id === id)?.[selectedEngine()]).toBeGreaterThan(0);
}, 180_000);
