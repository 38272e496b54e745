import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Daemon } from "../harness/daemon.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { openWorkspace } from "../harness/workspace.ts";

const harness = join(import.meta.dir, "../harness");

test("a daemon that ends on its way up fails the start at once, with its log (it was waited for until the bound)", async () => {
  const workspace = openWorkspace("daemon-ends");
  const daemon = new Daemon({
    name: "short-lived",
    command: ["sh", "-c", "echo no such option; exit 7"],
    env: { PATH: process.env["PATH"] ?? "" },
    socket: join(workspace.path, "none.sock"),
    logFile: join(workspace.path, "log"),
    startBoundMs: 50_000,
  });
  const before = performance.now();
  const error: unknown = await daemon.start().catch((reason: unknown) => reason);
  expect(String(error)).toContain("short-lived ended with 7 before it was ready:\nno such option");
  expect(performance.now() - before).toBeLessThan(10_000);
});

test("the janitor removes deep trees in seconds (rmSync took a quarter of an hour for those of a hostile layer)", async () => {
  const program = `
    import { openWorkspace } from ${JSON.stringify(join(harness, "workspace.ts"))};
    const { path } = openWorkspace("deep");
    for (const tree of "abcd") Bun.spawnSync(["mkdir", "-p", (tree + "/").repeat(1200)], { cwd: path });
    console.log(path);
    process.kill(process.pid, "SIGKILL");
  `;
  const child = Bun.spawnSync([process.execPath, "-e", program], { env: { ...process.env }, stderr: "inherit" });
  const directory = join(child.stdout.toString().trim(), "..");
  expect(directory).toContain("crib-test-");
  await waitUntil(() => !existsSync(directory), { what: `${directory} removed`, boundMs: 10_000 });
}, 60_000);
