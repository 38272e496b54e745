import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { readArtifact } from "../../src/kernel/artifacts.ts";
import { SIGKILL, SIGTERM } from "../../src/kernel/signals.ts";
import { counting, expectUnbroken, grown } from "../harness/counting.ts";
import { collect, openMonitorBed, type Pod, type Started, sh } from "../harness/monitor-bed.ts";
import { theMonitor } from "../harness/monitor-process.ts";
import { openRenewer, renamedMonitor } from "../harness/renewal-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Root and a real kernel: a monitor goes on in another executable under its pod. */
const bed = openMonitorBed();
const other = openRenewer(bed, renamedMonitor(readArtifact("crib-monitor")));
afterEach(() => bed.shutdownAll());
afterAll(() => {
  other[Symbol.dispose]();
  bed.remove();
});

describe("a renewed monitor", () => {
  test("keeps containers, logs, attachers and execs, three times under load", async () => {
    const pod = await bed.openPod({ pidInit: true });
    const container = await bed.start(pod, counting(7));
    const quiet = await bed.start(pod, { argv: sh("printf 'no end of line'; exec /hello sleep 1000") });
    const attached = await pod.monitor.attach({ containerId: container.id, stdin: false, stdout: true, stderr: true });
    const seen = collect(attached);
    const { id, streams } = await bed.openExec(pod, container, counting(5));
    const executed = collect(streams);
    const pid = theMonitor(pod.id);

    for (const { launcher } of [other, bed, other]) {
      await grown("the exec's output", () => executed.stdout.length);
      await launcher.renew(pod.monitor, pod.directory);
      expect(pod.monitor.build).toBe(launcher.build);
      await grown("the attacher's output", () => seen.stdout.length);
    }

    expect(theMonitor(pod.id)).toBe(pid);
    const again = await bed.launcher.reconnect(pod.id, pod.directory);
    expect(again.build).toBe(other.launcher.build);
    again.disconnect();
    expect((await pod.monitor.list()).map((item) => item.exit)).toEqual([undefined, undefined]);

    await pod.monitor.signal(id, SIGTERM);
    expect(await streams.exited).toEqual({ exitCode: 5, signal: 0 });
    await streams.drained;
    await pod.monitor.signal(container.id, SIGTERM);
    expect(await container.exit()).toMatchObject({ exitCode: 7, signal: 0 });
    await attached.drained;
    expectUnbroken(executed.stdout.trimEnd().split("\n"), 0);
    expectUnbroken(
      container.lines().map(({ text }) => text),
      0,
    );
    expectUnbroken(seen.stdout.slice(seen.stdout.indexOf("line ")).trimEnd().split("\n"));
    await pod.monitor.signal(quiet.id, SIGKILL);
    expect(await quiet.exit()).toMatchObject({ signal: SIGKILL });
    expect(quiet.lines().map(({ text }) => text)).toEqual(["no end of line"]);
  }, 60_000);

  test("tells the exits of all who die while it changes", async () => {
    const pod = await bed.openPod();
    const dying = await Promise.all(
      Array.from({ length: 20 }, (_, code) => bed.start(pod, { argv: sh(`sleep 0.0${code}; exit ${code}`) })),
    );
    for (const { launcher } of [other, bed, other, bed]) await launcher.renew(pod.monitor, pod.directory);
    const exits = await Promise.all(dying.map((container) => container.exit()));
    expect(exits.map(({ exitCode }) => exitCode)).toEqual(dying.map((_, code) => code));
    expect(pod.exits).toHaveLength(dying.length);
  }, 60_000);

  test("starts containers and execs as before, and takes input on a connection that it kept", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["busybox", "cat"] }, { stdin: true });
    const attached = await pod.monitor.attach({ containerId: container.id, stdin: true, stdout: true, stderr: false });
    const seen = collect(attached);
    await attached.writeStdin(Buffer.from("before\n"));
    await other.launcher.renew(pod.monitor, pod.directory);
    await attached.writeStdin(Buffer.from("after\n"));
    await waitUntil(() => seen.stdout === "before\nafter\n", { what: "the input as output" });
    const { session, output } = await bed.exec(pod, container, { argv: sh("echo in the pod; exit 3") });
    expect(await session.exited).toEqual({ exitCode: 3, signal: 0 });
    await session.drained;
    expect(output.stdout).toBe("in the pod\n");
    const later = await bed.start(pod, { argv: sh("exit 9") });
    expect(await later.exit()).toMatchObject({ exitCode: 9 });
  });
});

describe("a monitor goes on as it was", () => {
  const refused: readonly [what: string, executable: () => Uint8Array][] = [
    ["an executable that is no program", () => markedFile("not a program")],
    ["a program that is no monitor", () => Buffer.concat([readArtifact("hello"), markedFile("")])],
  ];
  test.each(refused)("when it is handed %s", async (_what, executable) => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    using renewer = openRenewer(bed, executable());
    const renewal = renewer.launcher.renew(pod.monitor, pod.directory);
    expect(renewal).rejects.toMatchObject({ code: "failed-precondition" });
    await renewal.catch(() => undefined);
    expect(pod.monitor.build).toBe(bed.launcher.build);
    expect(await pod.monitor.list()).toMatchObject([{ id: container.id, exit: undefined }]);
  });
});

/** What `monitorBuildOf` takes for an executable, and the kernel does not. */
function markedFile(text: string): Uint8Array {
  return Buffer.from(`${text}\0crib-monitor-build:marked\0`);
}

const rounds = 20;

/** A moment of a renewal, which takes about `tookMs`, or shortly after it. */
function anyMoment(tookMs: number): Promise<void> {
  return Bun.sleep(Math.random() * tookMs * 1.2);
}

async function undisturbed(pod: Pod): Promise<number> {
  const start = performance.now();
  await bed.launcher.renew(pod.monitor, pod.directory);
  return performance.now() - start;
}

/** Whoever asks for a renewal, or the monitor itself, is gone at any moment of it. */
describe("a renewal that ends in the middle", () => {
  async function openCounted(): Promise<{ pod: Pod; container: Started }> {
    const pod = await bed.openPod();
    return { pod, container: await bed.start(pod, { argv: ["/hello", "sleep", "1000"] }) };
  }

  test("because the daemon is gone leaves a pod that lives", async () => {
    const { pod, container } = await openCounted();
    const tookMs = await undisturbed(pod);
    for (let round = 0; round < rounds; round++) {
      const client = await bed.launcher.reconnect(pod.id, pod.directory);
      const renewal = other.launcher.renew(client, pod.directory);
      await anyMoment(tookMs);
      client.disconnect();
      await renewal.catch(() => undefined);
      expect(await pod.monitor.list()).toMatchObject([{ id: container.id, exit: undefined }]);
    }
    await pod.monitor.signal(container.id, SIGKILL);
    expect(await container.exit()).toMatchObject({ signal: SIGKILL });
  }, 60_000);

  test("because the monitor was killed is told as any death of a monitor", async () => {
    for (let round = 0; round < rounds; round++) {
      const { pod, container } = await openCounted();
      const tookMs = await undisturbed(pod);
      const renewal = other.launcher.renew(pod.monitor, pod.directory).catch(() => undefined);
      await anyMoment(tookMs);
      process.kill(pod.monitor.pid, SIGKILL);
      expect((await pod.monitor.lost).code).toBe("unavailable");
      await renewal;
      process.kill(container.pid, SIGKILL);
    }
  }, 120_000);
});
