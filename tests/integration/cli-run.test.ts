import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cribBinary } from "../harness/crib-engine.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { waitUntil } from "../harness/wait-until.ts";

setDefaultTimeout(60_000);
const test = onlyCrib("has no run of its own");
let directory = "";
/** Nobody else on this machine sleeps for so long. */
const ownSeconds = String(1_000_000 + process.pid);

beforeAll(() => {
  directory = mkdtempSync("/tmp/crib-run-test-");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The executable, on a machine where no daemon answers, with an image store of this file's own. */
function start(...args: string[]) {
  return Bun.spawn([cribBinary(), "run", "--root", join(directory, "root"), ...args], {
    env: { PATH: process.env["PATH"] ?? "", CRIB_ADDRESS: join(directory, "nobody.sock") },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function run(...args: string[]): Promise<{ exitCode: number; out: string; err: string }> {
  const child = start(...args);
  const [out, err, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { exitCode, out, err };
}

/** What private daemons leave while they live: directories in /run, interfaces, cgroups. */
function traces(): string[] {
  return [
    ...readdirSync("/run").filter((name) => /^(?:crib-run-|\.removing-)/.test(name)),
    ...readdirSync("/sys/class/net").filter((name) => /^crib-[0-9a-f]{8}$/.test(name)),
    ...(existsSync("/sys/fs/cgroup/pids") ? readdirSync("/sys/fs/cgroup/pids") : readdirSync("/sys/fs/cgroup")).filter(
      (name) => name.startsWith("crib-run-"),
    ),
  ];
}

describe("crib run without a daemon", () => {
  test("runs the built-in image, passes its exit code, leaves nothing", async () => {
    const before = traces();
    const hello = await run("crib.local/hello");
    expect([hello.exitCode, hello.err]).toEqual([0, ""]);
    expect(hello.out).toContain("pid 1");
    expect((await run("crib.local/hello", "exit", "42")).exitCode).toBe(42);
    expect((await run("crib.local/hello", "echo", "a b", "c")).out).toBe("a b c\n");
    expect((await run("--network", "host", "crib.local/hello", "env")).exitCode).toBe(0);
    await waitUntil(() => traces().join() === before.join(), { what: "no trace is left" });
  });

  test("shares a daemon with runs that overlap", async () => {
    const before = traces();
    const all = await Promise.all(["1", "2", "3"].map((code) => run("crib.local/hello", "exit", code)));
    expect(all.map(({ exitCode }) => exitCode)).toEqual([1, 2, 3]);
    await waitUntil(() => traces().join() === before.join(), { what: "no trace is left" });
  });

  test("runs that come and go at once never take the daemon from each other", async () => {
    const before = traces();
    for (let round = 0; round < 8; round++) {
      const codes = ["1", "2", "3", "4"];
      const all = await Promise.all(codes.map((code) => run("crib.local/hello", "exit", code)));
      expect(all.map(({ exitCode, err }) => [exitCode, err])).toEqual(codes.map((code) => [Number(code), ""]));
    }
    await waitUntil(() => traces().join() === before.join(), { what: "no trace is left" });
  });

  test("ends the container at SIGTERM and passes how it ended", async () => {
    const before = traces();
    const child = start("crib.local/hello", "sleep", "1000");
    await waitUntil(() => traces().length > before.length, { what: "the daemon is there" });
    child.kill("SIGTERM");
    expect([130, 143]).toContain(await child.exited);
    await waitUntil(() => traces().join() === before.join(), { what: "no trace is left" });
  });

  test("after a run that was killed, the next one takes its pod away", async () => {
    const before = traces();
    const killed = start("-q", "crib.local/hello", "sleep", ownSeconds);
    await waitUntil(() => sleepers().length > 0, { what: "the container runs" });
    killed.kill("SIGKILL");
    await killed.exited;
    expect(sleepers()).toHaveLength(1);
    expect((await run("crib.local/hello", "exit", "5")).exitCode).toBe(5);
    expect(sleepers()).toHaveLength(0);
    await waitUntil(() => traces().join() === before.join(), { what: "no trace is left" });
  });
});

/** Containers of the killed run: processes that sleep this file's own time. */
function sleepers(): string[] {
  return readdirSync("/proc").filter(
    (name) => /^\d+$/.test(name) && commandLine(name) === `/hello sleep ${ownSeconds} `,
  );
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
