import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openHostCgroups } from "../../src/cgroups/open-host-cgroups.ts";
import { newExecId } from "../../src/ids/object-id.ts";
import { parseCgroupPath, parseHostPath, parseRootfsPath } from "../../src/ids/path.ts";
import type { UnixNanos } from "../../src/ids/units.ts";
import { encodeFrame } from "../../src/runtime/native/monitor/frames.ts";
import { MonitorError } from "../../src/runtime/native/monitor/launch-failure.ts";
import { spoken } from "../../src/runtime/native/monitor/protocol-version.ts";
import { execPayload, helloPayload } from "../../src/runtime/native/monitor/requests.ts";
import type { PlanStep } from "../../src/runtime/native/plan/steps.ts";
import { FrameKind } from "../../src/runtime/native/wire-numbers.ts";
import { execPlan } from "../fixtures/launch-plans.ts";
import { removeCgroup } from "../harness/cgroup-tree.ts";
import { openMonitorBed, sh } from "../harness/monitor-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { cgroupPrefix } from "../harness/workspace.ts";

/** Root and a real kernel: memory that runs out, clients that stall, containers that move things under the stage's feet. */
const bed = openMonitorBed();
const cgroups = openHostCgroups(bed.kernel, { now: () => BigInt(Date.now()) as UnixNanos });
const group = parseCgroupPath(`${cgroupPrefix()}monitor-oom`);

afterEach(() => bed.shutdownAll());
afterAll(() => {
  removeCgroup(group);
  bed.remove();
});

describe("a container out of memory", () => {
  test("is told apart from one that was killed", async () => {
    const pod = await bed.openPod();
    cgroups.create(group, { memoryLimit: 16n << 20n, memorySwap: 16n << 20n });
    const oomFile = cgroups.oomFile(group);
    if (oomFile === undefined) throw new Error("this host has no memory controller: nothing can run out of memory");
    const procsFiles = cgroups.procsFiles(group);

    const killed = await bed.start(pod, { argv: ["/hello", "sleep", "1000"], procsFiles }, { oomFile });
    await pod.monitor.signal(killed.id, 9);
    expect(await killed.exit()).toMatchObject({ exitCode: 137, oomKilled: false });

    const hungry = await bed.start(pod, { argv: sh("x=aaaa; while :; do x=$x$x; done"), procsFiles }, { oomFile });
    const exit = await hungry.exit();
    expect(exit).toMatchObject({ exitCode: 137, signal: 9, oomKilled: true });
    expect(bed.launcher.readExitRecords(pod.directory)).toContainEqual(exit);
  });
});

describe("an exit record that cannot be written", () => {
  const limitDescriptors = (pid: number, soft: number) =>
    expect(Bun.spawnSync(["prlimit", "--pid", String(pid), `--nofile=${soft}:`]).exitCode).toBe(0);

  test("holds up no news of the exit, and is written once there is room", async () => {
    const pod = await bed.openPod();
    const kept = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const forgotten = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    limitDescriptors(pod.monitor.pid, 3);
    for (const container of [kept, forgotten]) process.kill(container.pid, "SIGKILL");
    const exit = await kept.exit();
    await forgotten.exit();
    expect(exit).toMatchObject({ exitCode: 137, signal: 9 });
    expect(bed.launcher.readExitRecords(pod.directory)).toEqual([]);
    expect((await pod.monitor.list()).find(({ id }) => id === kept.id)?.exit).toMatchObject({ exitCode: 137 });

    await pod.monitor.forget(forgotten.id);
    limitDescriptors(pod.monitor.pid, 1024);
    const records = await waitUntil(
      () => {
        const found = bed.launcher.readExitRecords(pod.directory);
        return found.length > 0 && found;
      },
      { what: "the record is written after all", boundMs: 10_000 },
    );
    expect(records).toEqual([exit]);
  });
});

describe("a client that stops reading", () => {
  test("stalls its exec, not the monitor, and takes it along when it goes", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const socket = await Bun.connect({ unix: join(pod.directory, "monitor.sock"), socket: { data() {} } });
    socket.write(encodeFrame(FrameKind.hello, 1, helloPayload(spoken)));
    socket.pause();
    const id = newExecId();
    const plan = execPlan(container.pid, { argv: sh("exec busybox head -c 1000000000 /dev/zero") });
    socket.write(
      encodeFrame(
        FrameKind.exec,
        2,
        execPayload({ id, containerId: container.id, plan, terminal: false, stdin: false }, spoken.newest),
      ),
    );
    const pid = await waitUntil(() => childRunning(pod.monitor.pid, "head"), { what: "the exec" });
    await waitUntil(() => readFileSync(`/proc/${pid}/wchan`, "utf8").includes("pipe"), { what: "a full pipe" });
    const pss = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pod.monitor.pid}/smaps_rollup`, "utf8"))?.[1];
    expect(Number(pss)).toBeLessThan(1024);
    const { session, output } = await bed.exec(pod, container, { argv: ["/hello", "echo", "alive"] });
    await session.drained;
    expect(output.stdout).toBe("alive\n");
    socket.terminate();
    await waitUntil(() => !existsSync(`/proc/${pid}`), { what: "end of the exec" });
  });
});

function childRunning(parent: number, word: string): number | undefined {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8").trim().split(" ");
  return children.map(Number).find((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(word));
}

describe("a container that changes a shared volume while another starts", () => {
  /**
   * A sibling with the same volume swaps a directory for a link out of it as fast as it can. Whatever the start finds, its
   * mounts stay inside its root and nothing is made outside of the volume (CVE-2021-30465, CVE-2024-45310).
   */
  test("gets nothing mounted or made outside of the root", async () => {
    const pod = await bed.openPod();
    const volume = parseHostPath(join(bed.path, "volume"));
    const outside = join(bed.path, "outside-of-volume");
    mkdirSync(join(volume, "real"), { recursive: true });
    mkdirSync(outside);
    const bind = (target: string): PlanStep => ({
      kind: "bind",
      slot: 0,
      target: parseRootfsPath(target),
      attributes: 0,
      recursive: false,
      propagation: "private",
    });
    const open: PlanStep = { kind: "open-source", slot: 0, path: volume, recursive: true };
    const swap = `cd /v; busybox ln -s ${"../".repeat(12)}${outside} link
      while :; do busybox mv real spare; busybox mv link real; busybox mv real link; busybox mv spare real; done`;
    const racer = await bed.start(pod, { argv: sh(swap), sources: [open], mounts: [bind("/v")] });
    const inner: PlanStep = {
      kind: "mount",
      fsType: "tmpfs",
      source: "tmpfs",
      target: parseRootfsPath("/v/real/deep/er"),
      attributes: 0,
      options: [],
    };
    let started = 0;
    for (let round = 0; round < 150; round++) {
      try {
        const victim = await bed.start(pod, {
          argv: ["/hello", "exit", "0"],
          sources: [open],
          mounts: [bind("/v"), inner],
        });
        await victim.exit();
        started++;
      } catch (error) {
        if (!(error instanceof MonitorError)) throw error;
        expect(error.failure.step).toBe("mount");
      }
    }
    expect(started).toBeGreaterThan(0);
    expect(readdirSync(outside)).toEqual([]);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(volume);
    expect(existsSync(`/proc/${racer.pid}`)).toBe(true);
  }, 30_000);
});

describe("a sysctl", () => {
  test("is written beneath /proc/sys or not at all (CVE-2025-52881)", async () => {
    const pod = await bed.openPod();
    const set = (key: string): PlanStep => ({ kind: "sysctl", key, value: "0" });
    for (const key of [
      "../sysrq-trigger",
      "kernel/../../sysrq-trigger",
      "/proc/sysrq-trigger",
      "../self/oom_score_adj",
      "",
    ]) {
      const failed = await bed.start(pod, { argv: ["/hello"], late: [set(key)] }).catch((error: unknown) => error);
      expect(failed).toBeInstanceOf(MonitorError);
    }
    const fine = await bed.start(pod, {
      argv: ["/hello", "cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start"],
      late: [set("net/ipv4/ip_unprivileged_port_start")],
    });
    await fine.exit();
    expect(fine.lines().map(({ text }) => text)).toEqual(["0"]);
  });
});

describe("many containers and execs at once", () => {
  test("all have their own exit codes, logs and outputs", async () => {
    const pod = await bed.openPod();
    const target = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const codes = Array.from({ length: 40 }, (_, index) => index);
    const containers = codes.map(async (code) => {
      const started = await bed.start(pod, { argv: sh(`echo container ${code}; exit ${code}`) });
      const exit = await started.exit();
      expect([exit.exitCode, started.lines().map(({ text }) => text)]).toEqual([code, [`container ${code}`]]);
    });
    const execs = codes.map(async (code) => {
      const { session, output } = await bed.exec(pod, target, { argv: sh(`echo exec ${code}; exit ${code}`) });
      const exit = await session.exited;
      await session.drained;
      expect([exit.exitCode, output.stdout]).toEqual([code, `exec ${code}\n`]);
    });
    await Promise.all([...containers, ...execs]);
    expect(readdirSync(`/proc/${pod.monitor.pid}/fd`).length).toBeLessThan(20);
  });
});
