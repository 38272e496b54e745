import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CribError } from "../../src/errors/crib-error.ts";
import { newExecId, newSandboxId } from "../../src/ids/object-id.ts";
import { parseHostPath } from "../../src/ids/path.ts";
import { readArtifact } from "../../src/kernel/artifacts.ts";
import { execPlan } from "../fixtures/launch-plans.ts";
import { openMonitorBed, sh } from "../harness/monitor-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Root and a real kernel: the monitor's own life, with and without a daemon. */
const SIGKILL = 9;
const bed = openMonitorBed();
afterEach(() => bed.shutdownAll());
afterAll(() => bed.remove());

describe("the daemon", () => {
  test("may die: exits, logs and the list are there for the next one", async () => {
    const pod = await bed.openPod();
    const staying = await bed.start(pod, { argv: sh("while :; do echo tick; busybox sleep 0.01; done") });
    const ending = await bed.start(pod, { argv: sh("busybox sleep 0.2; exit 9") });
    pod.monitor.disconnect();
    await waitUntil(() => bed.launcher.readExitRecords(pod.directory).some(({ id }) => id === ending.id), {
      what: "record",
    });

    const again = await bed.launcher.reconnect(pod.id, pod.directory);
    bed.live.push(again);
    expect(again.pid).toBe(pod.monitor.pid);
    const listed = new Map((await again.list()).map((item) => [item.id, item]));
    expect(listed.get(ending.id)?.exit).toMatchObject({ exitCode: 9, signal: 0 });
    expect(listed.get(staying.id)).toMatchObject({
      pid: staying.pid,
      startedAtNs: staying.startedAtNs,
      exit: undefined,
    });
    const before = staying.log().length;
    await waitUntil(() => staying.log().length > before, { what: "more lines" });
    await again.forget(ending.id);
    expect((await again.list()).map(({ id }) => id)).toEqual([staying.id]);
    expect(bed.launcher.readExitRecords(pod.directory)).toEqual([]);
    await expect(again.forget(staying.id)).rejects.toThrow("EBUSY");
  });

  test("that is killed takes its execs along, not the containers", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const second = await bed.launcher.reconnect(pod.id, pod.directory);
    const session = await second.exec({
      id: newExecId(),
      containerId: container.id,
      plan: execPlan(container.pid, { argv: sh("busybox sleep 1000") }),
      terminal: false,
      stdin: false,
    });
    second.disconnect();
    await waitUntil(() => !existsSync(`/proc/${session.pid}`), { what: "end of the exec" });
    expect(existsSync(`/proc/${container.pid}`)).toBe(true);
    await expect(session.exited).rejects.toThrow("was closed");
  });

  test("that reads nothing holds up neither the monitor nor the workload", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    // A client that sends requests and never reads: the raw protocol, its socket left unread.
    const lazy = await Bun.connect({ unix: join(pod.directory, "monitor.sock"), socket: { data() {} } });
    lazy.pause();
    const frame = (kind: number, payload: Uint8Array) => {
      const header = new DataView(new ArrayBuffer(12));
      header.setUint32(0, payload.length, true);
      header.setUint16(4, kind, true);
      header.setUint32(8, 1, true);
      return Buffer.concat([new Uint8Array(header.buffer), payload]);
    };
    lazy.write(frame(1, Uint8Array.from([0x43, 0x52, 0x4d, 0x4f, 1, 0, 0, 0])));
    const list = frame(6, new Uint8Array(0));
    for (let i = 0; i < 2000; i++) lazy.write(list);
    const { session, output } = await bed.exec(pod, container, { argv: ["/hello", "echo", "alive"] });
    await session.drained;
    expect(output.stdout).toBe("alive\n");
    lazy.terminate();
  });

  test("that speaks nonsense loses its connection, nobody else's", async () => {
    const pod = await bed.openPod();
    const nonsense = [
      new Uint8Array(64).fill(0xff),
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      new Uint8Array(12),
      Uint8Array.from([8, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
      Uint8Array.from([255, 255, 255, 0, 1, 0, 0, 0, 1, 0, 0, 0]),
    ];
    for (const bytes of nonsense) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const socket = await Bun.connect({
        unix: join(pod.directory, "monitor.sock"),
        socket: { data() {}, close: () => resolve() },
      });
      socket.write(bytes);
      await promise;
    }
    expect(await pod.monitor.list()).toEqual([]);
  });

  test("learns that the monitor was killed", async () => {
    const pod = await bed.openPod();
    const started = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const waiting = bed.exec(pod, started, { argv: ["/hello", "sleep", "1000"] });
    const { session } = await waiting;
    bed.kernel.kill(pod.monitor.pid, SIGKILL);
    await pod.monitor.lost;
    await expect(session.exited).rejects.toThrow("is gone");
    await expect(pod.monitor.list()).rejects.toThrow("is gone");
    const again = await bed.launcher.reconnect(pod.id, pod.directory).catch((failure: unknown) => failure);
    expect(CribError.is(again, "unavailable")).toBe(true);
    for (const pid of [started.pid, session.pid]) if (existsSync(`/proc/${pid}`)) bed.kernel.kill(pid, SIGKILL);
  });

  test("finds out when another monitor answers", async () => {
    const pod = await bed.openPod();
    const error = await bed.launcher.reconnect(newSandboxId(), pod.directory).catch((failure: unknown) => failure);
    expect(CribError.is(error, "data-loss")).toBe(true);
  });

  test("reaches a monitor whose socket path is longer than an address may be", async () => {
    const id = newSandboxId();
    const directory = join(bed.path, "a-rather-long-name-for-a-state-directory".repeat(2), id);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const monitor = await bed.launcher.launch(id, parseHostPath(directory));
    bed.live.push(monitor);
    expect(existsSync(join(directory, "monitor.sock"))).toBe(true);
    const again = await bed.launcher.reconnect(id, parseHostPath(directory));
    expect(again.pid).toBe(monitor.pid);
    again.disconnect();
  });
});

describe("shutdown", () => {
  test("kills and reaps everything, also what the containers orphaned, and is idempotent", async () => {
    const pod = await bed.openPod({ pidInit: true });
    const own = await bed.start(pod, { argv: sh("busybox sleep 1000 & busybox sleep 1000") });
    const shared = await bed.start(pod, { argv: ["/hello", "sleep", "1000"], pidNamespace: { kind: "pod" } });
    const host = await bed.start(pod, {
      argv: sh("(busybox sleep 1000 & echo $! > /orphan); exec busybox sleep 1000"),
      pidNamespace: { kind: "host" },
    });
    const orphan = await waitUntil(() => readFileSync(join(host.upper, "orphan"), "utf8").trim(), {
      what: "the orphan",
    });
    await pod.monitor.shutdown();
    await pod.monitor.shutdown();
    for (const pid of [own.pid, shared.pid, host.pid, orphan, pod.monitor.pid]) {
      await waitUntil(() => !existsSync(`/proc/${pid}`), { what: `end of ${pid}` });
    }
  });
});

describe("the monitor itself", () => {
  test("costs a pod less than 400 KiB and holds nothing it does not need", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const { session } = await bed.exec(pod, container, { argv: sh("busybox head -c 1000000 /dev/zero") });
    await session.drained;
    const rollup = readFileSync(`/proc/${pod.monitor.pid}/smaps_rollup`, "utf8");
    expect(Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1])).toBeLessThan(400);
    const descriptors = readdirSync(`/proc/${pod.monitor.pid}/fd`).map((fd) =>
      readlinkSync(`/proc/${pod.monitor.pid}/fd/${fd}`),
    );
    expect(descriptors.filter((target) => target.startsWith(bed.path)).sort()).toEqual(
      [pod.directory, join(pod.directory, "exit"), container.logPath].sort(),
    );
    expect(readlinkSync(`/proc/${pod.monitor.pid}/cwd`)).toBe("/");
    expect(dirname(container.logPath)).toBe(pod.directory);
  });

  test("refuses a second setup and a container id it knows", async () => {
    const pod = await bed.openPod();
    const setup = { unshare: 0, hostname: undefined, loopback: false, pidInit: false, sysctls: [] };
    await expect(pod.monitor.setup(setup)).rejects.toThrow("already done");
    const started = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    await expect(bed.start(pod, { argv: ["/hello"] }, { id: started.id })).rejects.toThrow("EEXIST");
  });

  test("ends when it is run as anything but a monitor", () => {
    const path = join(bed.path, "crib-monitor");
    writeFileSync(path, readArtifact("crib-monitor"), { mode: 0o755 });
    expect(Bun.spawnSync([path, "aa", "/tmp"]).exitCode).toBe(2);
    expect(Bun.spawnSync([path]).exitCode).toBe(2);
  });
});
