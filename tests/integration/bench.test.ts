import { expect, test } from "bun:test";
import { join } from "node:path";
import { measures } from "../bench/pull/report.ts";
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

test("the benchmark of streams moves bytes each way over each protocol", async () => {
  const main = join(import.meta.dir, "../bench/streaming.ts");
  const small = ["--megabytes", "8", "--rounds", "1", "--only", selectedEngine()];
  const child = Bun.spawn([process.execPath, main, ...small], { stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`exit ${exitCode}: ${stderr}`);
  const protocols = selectedEngine() === "crib" ? ["spdy", "websocket"] : ["spdy"];
  for (const way of ["out", "in", "both"]) {
    for (const protocol of protocols) {
      const rate = new RegExp(`^\\| ${way} \\| ${selectedEngine()} \\| ${protocol} \\| (\\d+) `, "m").exec(stdout)?.[1];
      expect(Number(rate)).toBeGreaterThan(0);
    }
  }
}, 120_000);

test("the benchmark of pulls measures every figure of an image", async () => {
  const main = join(import.meta.dir, "../bench/pull/main.ts");
  const child = Bun.spawn([process.execPath, main, "--smoke", "--only-crib", "--json"], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`exit ${exitCode}: ${stderr}`);
  const { rows } = JSON.parse(stdout) as {
    readonly rows: readonly { readonly measure: string; readonly medians: { readonly crib: number } }[];
  };
  expect(rows.map(({ measure }) => measure)).toEqual([...measures]);
  for (const measure of ["wallMs", "cpuSeconds", "removalMs", "toRunningMs", "versionP99Ms"])
    expect(rows.find((row) => row.measure === measure)?.medians.crib).toBeGreaterThan(0);
}, 120_000);
