import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { ContainerId } from "../../src/ids/object-id.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import { MonitorConnection, type MonitorDial } from "../../src/runtime/native/monitor/connection.ts";
import { spoken } from "../../src/runtime/native/monitor/protocol-version.ts";
import { idPayload } from "../../src/runtime/native/monitor/requests.ts";
import { sayHello } from "../../src/runtime/native/monitor/say-hello.ts";
import { FrameKind } from "../../src/runtime/native/wire-numbers.ts";
import { collect, monitorErrorOf, openMonitorBed, type Pod, type Started, sh } from "../harness/monitor-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Root and a real kernel: sessions with connections of their own. */
const bed = openMonitorBed();
afterEach(() => bed.shutdownAll());
afterAll(() => bed.remove());

const idle = { argv: ["/hello", "sleep", "1000"] };

async function openIdle(): Promise<{ pod: Pod; container: Started }> {
  const pod = await bed.openPod();
  return { pod, container: await bed.start(pod, idle) };
}

/** For good, which attachments to such a container do not do. */
async function closeInput(pod: Pod, container: ContainerId): Promise<void> {
  const dial: MonitorDial = (use) => use(join(pod.directory, "monitor.sock"));
  const door = { dial, name: "the monitor", clock: createSystemClock() };
  const connection = await MonitorConnection.open(door, { output: () => undefined, event: () => undefined });
  await sayHello(connection, pod.id, spoken, 5_000);
  await connection.request(FrameKind.closeStdin, idPayload(container), { deadlineMs: 5_000 });
  connection.close();
}

describe("an exec with streams", () => {
  test("tells output, error output and exit code, and gives its connection back", async () => {
    const { pod, container } = await openIdle();
    const { streams } = await bed.openExec(pod, container, { argv: sh("echo out; echo err >&2; exit 3") });
    const output = collect(streams);
    expect(await streams.exited).toEqual({ exitCode: 3, signal: 0 });
    await streams.drained;
    expect(output).toEqual({ stdout: "out\n", stderr: "err\n" });
  });

  test("keeps its output in the kernel until somebody listens", async () => {
    const { pod, container } = await openIdle();
    const { streams } = await bed.openExec(pod, container, { argv: sh("echo early") });
    const other = await bed.openExec(pod, container, { argv: sh("echo other") });
    expect((await collectAll(other.streams)).stdout).toBe("other\n");
    expect((await collectAll(streams)).stdout).toBe("early\n");
  });

  test("carries 64 MiB in and out unharmed, through pauses", async () => {
    const { pod, container } = await openIdle();
    const { streams } = await bed.openExec(pod, container, { argv: sh("busybox cat") }, { stdin: true });
    const sent = new Bun.CryptoHasher("sha256");
    const received = new Bun.CryptoHasher("sha256");
    let pauses = 0;
    let paused = false;
    let bytesWhilePaused = 0;
    let nextPause = 0;
    let total = 0;
    streams.onOutput((_stream, bytes) => {
      if (paused) bytesWhilePaused += bytes.length;
      received.update(bytes);
      total += bytes.length;
      if (total < nextPause) return;
      nextPause += 3_000_000;
      pauses++;
      paused = true;
      streams.pause();
      setTimeout(() => {
        paused = false;
        streams.resume();
      }, 1);
    });
    for (let i = 0; i < 64; i++) {
      const bytes = crypto.getRandomValues(new Uint8Array(64 * 1024));
      const block = Buffer.concat(Array.from({ length: 16 }, () => bytes));
      sent.update(block);
      await streams.writeStdin(block);
    }
    await streams.closeStdin();
    expect(await streams.exited).toEqual({ exitCode: 0, signal: 0 });
    await streams.drained;
    expect(received.digest("hex")).toBe(sent.digest("hex"));
    expect(pauses).toBeGreaterThan(10);
    expect(bytesWhilePaused).toBe(0);
  });

  test("is held up while nobody reads", async () => {
    const { pod, container } = await openIdle();
    const { streams } = await bed.openExec(pod, container, {
      argv: sh("i=0; while [ $i -lt 200 ]; do busybox head -c 100000 /dev/zero; i=$((i+1)); echo $i >/written; done"),
    });
    const written = () =>
      Bun.file(`${container.upper}/written`)
        .text()
        .catch(() => "");
    await waitUntil(async () => (await written()) !== "", { what: "the first write" });
    let before = "";
    let unchanged = 0;
    await waitUntil(
      async () => {
        const now = await written();
        unchanged = now === before ? unchanged + 1 : 0;
        before = now;
        return unchanged > 20;
      },
      { what: "the process to be held up" },
    );
    expect(Number(before)).toBeLessThan(100);
    const { stdout } = await collectAll(streams);
    expect(stdout.length).toBe(20_000_000);
  });

  test("that cannot start says why", async () => {
    const { pod, container } = await openIdle();
    const error = await monitorErrorOf(bed.openExec(pod, container, { argv: ["/no/such"] }));
    expect(error.message).toContain("no such file");
  });

  test("has a terminal that is resized, and its input ends with ^D", async () => {
    const { pod, container } = await openIdle();
    const { streams } = await bed.openExec(
      pod,
      container,
      { argv: sh("read go; busybox stty size; busybox cat; echo over"), terminal: true },
      { stdin: true },
    );
    const output = collect(streams);
    await streams.resize(132, 43);
    await streams.writeStdin(Buffer.from("go\n"));
    await waitUntil(() => output.stdout.includes("43 132"), { what: "the size" });
    await streams.closeStdin();
    expect((await streams.exited).exitCode).toBe(0);
    await streams.drained;
    expect(output.stdout).toContain("over\r\n");
  });

  test("whose client vanishes is killed with its children", async () => {
    const { pod, container } = await openIdle();
    const { streams } = await bed.openExec(pod, container, {
      argv: sh("busybox sleep 4711 & busybox sleep 4711 & echo ready; wait"),
    });
    const output = collect(streams);
    await waitUntil(() => output.stdout === "ready\n", { what: "the children" });
    expect(await processList(pod, container)).toContain("sleep 4711");
    streams[Symbol.dispose]();
    await expect(streams.exited).rejects.toThrow("closed");
    await waitUntil(async () => !(await processList(pod, container)).includes("sleep 4711"), { what: "their end" });
  });

  test("whose container dies ends with the signal", async () => {
    const { pod, container } = await openIdle();
    const { streams } = await bed.openExec(pod, container, idle);
    collect(streams);
    await pod.monitor.signal(container.id, 9);
    expect(await streams.exited).toEqual({ exitCode: 137, signal: 9 });
    await streams.drained;
  });
});

describe("an attachment", () => {
  const echo = {
    argv: sh("echo started; while read line; do echo got $line; echo err $line >&2; done; echo end; exit 5"),
  };

  test("of two at once: both hear everything from now on, both may type, the log has it too", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, echo, { stdin: true });
    await waitUntil(() => container.log().includes("started"), { what: "the start" });
    const [one, two] = [await attach(pod, container), await attach(pod, container)];
    await one.streams.writeStdin(Buffer.from("a\n"));
    await two.streams.writeStdin(Buffer.from("b\n"));
    const all = { stdout: "got a\ngot b\n", stderr: "err a\nerr b\n" };
    for (const { output } of [one, two]) await waitUntil(() => Bun.deepEquals(output, all), { what: "both lines" });
    one.streams[Symbol.dispose]();
    await two.streams.writeStdin(Buffer.from("c\n"));
    await waitUntil(() => two.output.stdout.endsWith("got c\n"), { what: "the third line" });
    const three = await attach(pod, container);
    await three.streams.writeStdin(Buffer.from("d\n"));
    await waitUntil(() => three.output.stdout === "got d\n", { what: "what the new one hears" });
    expect(one.output).toEqual(all);
    await closeInput(pod, container.id);
    for (const { streams } of [two, three]) {
      expect(await streams.exited).toEqual({ exitCode: 5, signal: 0 });
      await streams.drained;
    }
    expect(three.output.stdout).toBe("got d\nend\n");
    expect(
      container
        .lines()
        .filter(({ stream }) => stream === "stdout")
        .map(({ text }) => text),
    ).toEqual(["started", "got a", "got b", "got c", "got d", "end"]);
  });

  test("with stdinOnce closes the input when it half-closes, and hears the rest", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, echo, { stdin: true, stdinOnce: true });
    const { streams, output } = await attach(pod, container);
    await streams.writeStdin(Buffer.from("a\n"));
    await streams.closeStdin();
    expect(await streams.exited).toEqual({ exitCode: 5, signal: 0 });
    await streams.drained;
    expect(output.stdout).toEndWith("got a\nend\n");
  });

  test("with stdinOnce closes the input when it vanishes; without, the next one types on", async () => {
    const pod = await bed.openPod();
    const once = await bed.start(pod, echo, { stdin: true, stdinOnce: true });
    const listener = await attach(pod, once, { stdin: false });
    (await attach(pod, once)).streams[Symbol.dispose]();
    expect((await listener.streams.exited).exitCode).toBe(5);

    const kept = await bed.start(pod, echo, { stdin: true });
    const first = await attach(pod, kept);
    await first.streams.closeStdin();
    first.streams[Symbol.dispose]();
    const second = await attach(pod, kept);
    await second.streams.writeStdin(Buffer.from("still\n"));
    await waitUntil(() => second.output.stdout.includes("got still"), { what: "the answer" });
  });

  test("of a container that has ended is refused", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "exit", "0"] });
    await container.exit();
    const error = await monitorErrorOf(attach(pod, container));
    expect(error.code).toBe("failed-precondition");
  });
});

async function attach(pod: Pod, container: Started, wanted = {}) {
  const streams = await pod.monitor.attach({
    containerId: container.id,
    stdin: true,
    stdout: true,
    stderr: true,
    ...wanted,
  });
  return { streams, output: collect(streams) };
}

async function processList(pod: Pod, container: Started): Promise<string> {
  const { session, output } = await bed.exec(pod, container, { argv: sh("busybox ps -o args") });
  await session.drained;
  return output.stdout;
}

async function collectAll(streams: Parameters<typeof collect>[0] & { readonly drained: Promise<void> }) {
  const output = collect(streams);
  await streams.drained;
  return output;
}
