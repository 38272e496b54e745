import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Cli } from "../../src/cli/program/cli.ts";
import type { CliIo } from "../../src/cli/program/cli-io.ts";
import type { DaemonClient } from "../../src/cli/program/client.ts";
import { createProcessIo } from "../../src/cli/program/process-io.ts";
import { withPrivateDaemon } from "../../src/cli/run/private-daemon.ts";
import { processRefOf } from "../../src/cli/run/process-ref.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";

/** Needs root: the daemon's directories are made in /run. */
const fakeDaemon = join(import.meta.dir, "../fixtures/fake-daemon.ts");
let root = "";

beforeEach(() => {
  root = join(mkdtempSync("/tmp/crib-private-"), "root");
});
afterEach(() => rmSync(join(root, ".."), { recursive: true, force: true }));

function privateDirectories(): string[] {
  return readdirSync("/run").filter((name) => /^(?:crib-run-|\.removing-)/.test(name));
}

function cliWith(env: Readonly<Record<string, string>> = {}): Cli {
  const allEnv = { PATH: process.env["PATH"], ...env };
  const real: CliIo = createProcessIo({
    process,
    env: allEnv,
    daemonEnv: allEnv,
    clock: createSystemClock(),
    selfCommand: [process.execPath, fakeDaemon],
    serve: () => Promise.reject(new Error("not in this process")),
    kernel: createLinuxKernel,
    probe: () => undefined,
  });
  return { io: real, exitCode: 0 };
}

/** Not `expect(…).rejects`: bun test waits for it in an event loop of its own, in which HTTP/2 streams end early. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    return `resolved with ${String(await promise)}`;
  } catch (error) {
    return String(error);
  }
}

function isAlive(pid: number): boolean {
  return processRefOf(pid) !== `${pid}-0`;
}

describe("the private daemon of crib run", () => {
  test("is there for the work alone, in a directory nobody else may enter", async () => {
    const before = privateDirectories();
    let pid = 0;
    const exitCode = await withPrivateDaemon(cliWith(), root, async (daemon) => {
      pid = Number((await daemon.engine.info({})).pid);
      const [made = ""] = privateDirectories().filter((name) => !before.includes(name));
      expect(statSync(join("/run", made)).mode & 0o777).toBe(0o700);
      return 42;
    });
    expect(exitCode).toBe(42);
    expect(isAlive(pid)).toBe(false);
    expect(privateDirectories()).toEqual(before);
  });

  test("goes away when the work fails", async () => {
    const before = privateDirectories();
    const run = withPrivateDaemon(cliWith(), root, () => Promise.reject(new Error("work failed")));
    expect(await failureOf(run)).toContain("work failed");
    expect(privateDirectories()).toEqual(before);
  });

  test("is shared by runs that overlap", async () => {
    const before = privateDirectories();
    const both = Promise.withResolvers<void>();
    const pids: number[] = [];
    const work = async (daemon: DaemonClient): Promise<number> => {
      pids.push(Number((await daemon.engine.info({})).pid));
      if (pids.length === 2) both.resolve();
      await both.promise;
      return 0;
    };
    const codes = await Promise.all([
      withPrivateDaemon(cliWith(), root, work),
      withPrivateDaemon(cliWith(), root, work),
    ]);
    expect(codes).toEqual([0, 0]);
    expect(pids).toHaveLength(2);
    expect(pids[0]).toBe(pids[1] ?? 0);
    expect(isAlive(pids[0] ?? 0)).toBe(false);
    expect(privateDirectories()).toEqual(before);
  });

  test("says why it does not start", async () => {
    const before = privateDirectories();
    const { io } = cliWith({ FAKE_DAEMON_REFUSES: "1" });
    // A clock that runs ahead: the bound is reached early.
    const clock = { ...io.clock, monotonicMs: () => performance.now() * 20 };
    const run = withPrivateDaemon({ io: { ...io, clock }, exitCode: 0 }, root, () => Promise.resolve(0));
    expect(await failureOf(run)).toContain("root is locked by another daemon");
    expect(privateDirectories()).toEqual(before);
  });
});
