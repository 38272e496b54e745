import { describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { ContainerState } from "../../src/gen/runtime/v1/api_pb.ts";
import { cgroupHierarchies } from "../harness/cgroup-tree.ts";
import { hasSpareMonitor } from "../harness/has-spare-monitor.ts";
import { TestBed } from "../harness/test-bed.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { timeFactor } from "../harness/time-factor.ts";
import { waitUntil } from "../harness/wait-until.ts";

async function withBed(story: (bed: TestBed) => Promise<void>): Promise<void> {
  const bed = new TestBed();
  try {
    await bed.open({ rootDisk: { mebibytes: 300, inodes: 4000 }, stateInMemory: true });
    await story(bed);
  } finally {
    await bed.close();
  }
}

function run(...command: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync([...command]);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
}

async function codeAndMessage(work: Promise<unknown>): Promise<readonly [Code, string]> {
  const error = ConnectError.from(
    await work.then(
      () => new Error("it succeeded"),
      (failure: unknown) => failure,
    ),
  );
  return [error.code, error.rawMessage];
}

function monitorOf(container: TestContainer): number {
  const pid = readdirSync("/proc").find((name) => {
    if (!/^\d+$/.test(name) || !existsSync(`/proc/${name}/cmdline`)) return false;
    const [program, sandbox] = readFileSync(`/proc/${name}/cmdline`, "latin1").split("\0");
    return program === "crib-monitor" && sandbox === container.pod.id;
  });
  if (pid === undefined) throw new Error(`no monitor of ${container.pod.id}`);
  return Number(pid);
}

const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

describe("F06: a state directory without a free byte", () => {
  test("loses no exit, keeps no pod from stopping and no daemon from starting", async () => {
    await withBed(async (bed) => {
      const [killed, stopped, left] = await Promise.all([0, 1, 2].map(async () => bed.runIdle(await bed.runPod())));
      if (killed === undefined || stopped === undefined || left === undefined) throw new Error("no containers");
      const pid = await left.pid();
      run("mount", "-o", "remount,size=8m", bed.engine.state);
      const fill = join(bed.engine.state, "fill");
      const fillUp = (): void =>
        expect(() => {
          for (;;) appendFileSync(fill, new Uint8Array(4096));
        }).toThrow("ENOSPC");
      fillUp();

      expect(await left.sh("echo alive")).toBe("alive");
      process.kill(await killed.pid(), "SIGKILL");
      expect((await killed.waitExit(5_000)).exitCode).toBe(137);
      await stopped.stop(0);
      expect((await stopped.status()).exitCode).toBe(137);
      // What those that ended gave back, and the monitor that waited for the next pod, is taken at once.
      fillUp();
      expect((await codeAndMessage(bed.runPod()))[0]).toBe(Code.ResourceExhausted);

      await bed.engine.kill9();
      await bed.engine.start();
      expect(await left.pid()).toBe(pid);
      expect(await killed.status()).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 137 });
      await stopped.pod.stop();
      await stopped.pod.remove();

      rmSync(fill);
      const fresh = await bed.run(await bed.runPod(), { command: ["sh", "-c", "exit 4"] });
      expect((await fresh.waitExit()).exitCode).toBe(4);
      expect(bed.engine.logTail(2000)).not.toContain("uncaught");
    });
  });
});

describe("a root directory that became read-only", () => {
  test("keeps the daemon from starting, in words, and ends no pod", async () => {
    await withBed(async (bed) => {
      const container = await bed.runIdle(await bed.runPod());
      const pid = await container.pid();
      await bed.engine.kill9();
      run("mount", "-o", "remount,ro", bed.engine.root);
      expect(await bed.engine.start().then(() => "started", String)).toContain("read-only");
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      run("mount", "-o", "remount,rw", bed.engine.root);
      await bed.engine.start();
      expect(await container.pid()).toBe(pid);
      expect(await container.sh("echo alive")).toBe("alive");
    });
  });
});

describe("no descriptors left", () => {
  test("for the daemon: lists answer, what needs one is refused, and all is well when there are some", async () => {
    await withBed(async (bed) => {
      const container = await bed.runIdle(await bed.runPod());
      const daemon = bed.engine.pid;
      // While the next pod's monitor is made, the daemon holds some for a moment that would be room later.
      await waitUntil(() => hasSpareMonitor(bed.engine.state), {
        what: "the monitor that waits for the next pod",
      });
      // No number below three is ever free; below the count of those in use, one that is closed meanwhile would be.
      run("prlimit", "--pid", String(daemon), "--nofile=3:");
      const outcome = (async () => {
        const { items } = await bed.cri.runtime.listPodSandbox({});
        const containers = await bed.cri.runtime.listContainerStats({});
        const pods = await bed.cri.runtime.listPodSandboxStats({});
        const refused = await codeAndMessage(bed.runPod());
        return [items.length, containers.stats.length, pods.stats.length, refused];
      })();
      expect(await outcome.finally(() => run("prlimit", "--pid", String(daemon), "--nofile=1024:"))).toEqual([
        1,
        1,
        1,
        [Code.ResourceExhausted, expect.any(String)],
      ]);
      const fresh = await bed.run(await bed.runPod(), { command: ["sh", "-c", "exit 4"] });
      expect((await fresh.waitExit()).exitCode).toBe(4);
      expect(await container.sh("echo alive")).toBe("alive");
    });
  });

  test.each([
    ["descriptors", (pid: number) => [`--nofile=${descriptors(pid)}:`], ["--nofile=1024:"]],
    ["memory", () => ["--as=1000:unlimited"], ["--as=unlimited:unlimited"]],
  ] as const)("for a monitor without %s: execs fail, the container does not, and stops", async (_what, take, give) => {
    await withBed(async (bed) => {
      const container = await bed.runIdle(await bed.runPod());
      const monitor = monitorOf(container);
      run("prlimit", "--pid", String(monitor), ...take(monitor));
      expect((await codeAndMessage(container.exec(["true"], 5)))[0]).not.toBe(Code.Canceled);
      expect((await container.status()).state).toBe(ContainerState.CONTAINER_RUNNING);
      run("prlimit", "--pid", String(monitor), ...give);
      expect(await container.sh("echo alive")).toBe("alive");
      run("prlimit", "--pid", String(monitor), ...take(monitor));
      await container.stop(0);
      expect((await container.status()).exitCode).toBe(137);
    });
  });
});

describe("a fork bomb", () => {
  test("F09: is kept in its pod by the limit of its group, answers wait for nothing, and it can be stopped", async () => {
    await withBed(async (bed) => {
      const groups = cgroupHierarchies().map((hierarchy) => join(hierarchy, bed.engine.cgroupParent, "pids.max"));
      // As the kubelet limits a pod: in the group it gives to the engine.
      const limits = groups.filter((path) => existsSync(path));
      expect(limits).not.toEqual([]);
      for (const path of limits) writeFileSync(path, "200");
      const bomb = await bed.run(await bed.runPod(), {
        command: [
          "sh",
          "-c",
          "bomb() { bomb | bomb & }; (while :; do bomb; done) 2>/dev/null & echo lit; exec sleep 1000",
        ],
      });
      await bomb.waitLog("lit");
      let slowest = 0;
      for (let round = 0; round < 20; round++) {
        const start = performance.now();
        await bed.cri.runtime.listContainers({});
        await bomb.status();
        await bed.cri.runtime.listContainerStats({});
        slowest = Math.max(slowest, performance.now() - start);
      }
      expect(slowest).toBeLessThan(1_000 * timeFactor());
      const start = performance.now();
      await bomb.pod.stop();
      expect(performance.now() - start).toBeLessThan(5_000 * timeFactor());
      expect((await bomb.status()).exitCode).toBe(137);
      await bomb.pod.remove();
    });
  });
});
