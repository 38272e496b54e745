import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { collect, openMonitorBed, type Pod, type Started, sh } from "../harness/monitor-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Root and a real kernel: many sessions, slow ones and ones that vanish. CRIB_TEST_VANISHING sets how many vanish. */
const bed = openMonitorBed();
afterEach(() => bed.shutdownAll());
afterAll(() => bed.remove());

const parallel = 200;
const vanishing = Number(process.env.CRIB_TEST_VANISHING ?? 300);
const testMs = 120_000 + vanishing * 20;

describe("live sessions", () => {
  test(
    "run 200 at once in one pod, each with its own answer",
    async () => {
      const { pod, container } = await openIdle();
      const before = descriptors(pod);
      const opened = await Promise.all(
        Array.from({ length: parallel }, (_, i) =>
          bed.openExec(pod, container, { argv: sh(`read go; echo ${i}; exit ${i % 100}`) }, { stdin: true }),
        ),
      );
      const outputs = opened.map(({ streams }) => collect(streams));
      await Promise.all(opened.map(({ streams }) => streams.writeStdin(Buffer.from("go\n"))));
      const codes = await Promise.all(opened.map(async ({ streams }) => (await streams.exited).exitCode));
      await Promise.all(opened.map(({ streams }) => streams.drained));
      expect(codes).toEqual(opened.map((_, i) => i % 100));
      expect(outputs.map(({ stdout }) => stdout)).toEqual(opened.map((_, i) => `${i}\n`));
      await waitUntil(() => descriptors(pod) === before, { what: "its descriptors to be given back" });
    },
    testMs,
  );

  test(
    "are refused beyond the bound, and the daemon's own connection still answers",
    async () => {
      const pod = await bed.openPod();
      const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
      const attach = () => pod.monitor.attach({ containerId: container.id, stdin: false, stdout: true, stderr: true });
      const sessions = await Promise.all(Array.from({ length: 448 }, attach));
      await expect(attach()).rejects.toMatchObject({ code: "resource-exhausted" });
      const again = await bed.launcher.reconnect(pod.id, pod.directory);
      expect(await again.list()).toHaveLength(1);
      again.disconnect();
      for (const session of sessions) session[Symbol.dispose]();
      await waitUntil(async () => (await attach())[Symbol.dispose] !== undefined, { what: "room again" });
    },
    testMs,
  );

  test(
    "that vanish leave no descriptor, here or there",
    async () => {
      const pod = await bed.openPod();
      const container = await bed.start(pod, { argv: sh("while read line; do echo $line; done") }, { stdin: true });
      const cycle = async () => {
        const streams = await pod.monitor.attach({
          containerId: container.id,
          stdin: true,
          stdout: true,
          stderr: true,
        });
        streams.onOutput(() => undefined);
        streams[Symbol.dispose]();
      };
      for (let i = 0; i < 20; i++) await cycle();
      const before = await settled(pod);
      for (let i = 0; i < vanishing; i++) await cycle();
      const ownBound = before.own + 3;
      await waitUntil(() => descriptors(pod) <= before.monitor && ownDescriptors() <= ownBound, {
        what: `descriptors back to ${before.monitor} and ${before.own}`,
      });
      expect(await pod.monitor.list()).toHaveLength(1);
    },
    testMs,
  );
});

describe("an attacher that takes nothing", () => {
  test(
    "is cut off, and the log has everything",
    async () => {
      const pod = await bed.openPod();
      const size = 4_000_000;
      const script = `read go; busybox head -c ${size} /dev/zero | busybox tr '\\0' x; echo; echo over; read more`;
      const container = await bed.start(pod, { argv: sh(script) }, { stdin: true });
      const slow = await pod.monitor.attach({ containerId: container.id, stdin: true, stdout: true, stderr: true });
      slow.onOutput(() => slow.pause());
      await slow.writeStdin(Buffer.from("go\n"));
      const started = performance.now();
      const end = async () => container.log().slice(-5);
      await waitUntil(async () => (await end()) === "over\n", { what: "the end of it", boundMs: 30_000 });
      expect(performance.now() - started).toBeGreaterThan(8_000);
      const text = container.lines().map((line) => line.text);
      expect(text.slice(0, -1).join("").length).toBe(size);
      slow.onOutput(() => undefined);
      slow.resume();
      await expect(slow.exited).rejects.toMatchObject({ code: "unavailable" });
    },
    testMs,
  );
});

async function openIdle(): Promise<{ pod: Pod; container: Started }> {
  const pod = await bed.openPod();
  return { pod, container: await bed.start(pod, { argv: ["/hello", "sleep", "1000"] }) };
}

const descriptors = (pod: Pod) => readdirSync(`/proc/${pod.monitor.pid}/fd`).length;
const ownDescriptors = () => readdirSync("/proc/self/fd").length;

/** Both counts once the monitor has seen every end. */
async function settled(pod: Pod): Promise<{ monitor: number; own: number }> {
  let last = -1;
  await waitUntil(
    () => {
      const now = descriptors(pod);
      const same = now === last;
      last = now;
      return same;
    },
    { what: "the monitor at rest" },
  );
  return { monitor: last, own: ownDescriptors() };
}
