import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { collect, monitorErrorOf, openMonitorBed, sh } from "../harness/monitor-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Root and a real kernel: further processes in a container that runs, and terminals. */
const bed = openMonitorBed();
afterEach(() => bed.shutdownAll());
afterAll(() => bed.remove());

describe("an exec", () => {
  test("has output, exit code and the container's view", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const { session, output } = await bed.exec(pod, container, {
      argv: sh("echo out; echo err >&2; busybox hostname; busybox ls /proc/self/fd; exit 3"),
    });
    expect(await session.exited).toEqual({ exitCode: 3, signal: 0 });
    await session.drained;
    // The fourth is the directory that ls itself reads.
    expect(output.stdout).toBe("out\npod-under-test\n0\n1\n2\n3\n");
    expect(output.stderr).toBe("err\n");
    expect((await pod.monitor.list()).map(({ id }) => id)).toEqual([container.id]);
  });

  test("reads what is written to it, in order, whatever its size", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const { streams } = await bed.openExec(pod, container, { argv: sh("busybox sha256sum") }, { stdin: true });
    using session = streams;
    const output = collect(session);
    const hash = new Bun.CryptoHasher("sha256");
    for (let i = 0; i < 40; i++) {
      const bytes = new Uint8Array(50_000 + i).fill(i);
      hash.update(bytes);
      await session.writeStdin(bytes);
    }
    await session.closeStdin();
    expect((await session.exited).exitCode).toBe(0);
    await session.drained;
    expect(output.stdout).toBe(`${hash.digest("hex")}  -\n`);
  });

  test("with a terminal has one, of the size it was given", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const { streams } = await bed.openExec(
      pod,
      container,
      { argv: sh("read go; busybox tty; busybox stty size"), terminal: true },
      { stdin: true },
    );
    using session = streams;
    const output = collect(session);
    await session.resize(132, 43);
    await session.writeStdin(Buffer.from("go\n"));
    expect((await session.exited).exitCode).toBe(0);
    await session.drained;
    expect(output.stdout).toContain("/dev/pts/0\r\n43 132\r\n");
  });

  test("delivers more output than any buffer between", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const size = 24 * 1024 * 1024;
    const { session, output } = await bed.exec(pod, container, { argv: sh(`busybox head -c ${size} /dev/zero`) });
    await session.exited;
    await session.drained;
    expect(output.stdout.length).toBe(size);
  });

  test("is over when its process is, though a grandchild keeps the pipe", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const { session, output } = await bed.exec(pod, container, { argv: sh("busybox sleep 1000 & echo started") });
    expect((await session.exited).exitCode).toBe(0);
    await waitUntil(() => output.stdout === "started\n", { what: "its output" });
    session.abandon();
    const again = await bed.exec(pod, container, { argv: sh("busybox ps -o args") });
    await again.session.drained;
    expect(again.output.stdout).toContain("sleep 1000");
  });

  test("in a container that is gone is refused", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "exit", "0"] });
    await container.exit();
    const error = await monitorErrorOf(bed.exec(pod, container, { argv: ["/hello"] }));
    expect(error.code).toBe("failed-precondition");
    expect(error.message).toContain("not running");
  });
});

describe("a terminal", () => {
  test("is the container's console and controlling terminal; its output is logged", async () => {
    const pod = await bed.openPod();
    const started = await bed.start(
      pod,
      { argv: sh("busybox tty; busybox ls -l /dev/console; echo > /dev/tty && echo controlling"), terminal: true },
      { terminal: true },
    );
    expect((await started.exit()).exitCode).toBe(0);
    const text = started.lines().map((line) => line.text);
    expect(text[0]).toBe("/dev/pts/0\r");
    expect(text.join("\n")).toMatch(/crw--w---- .* 136, .* \/dev\/console/);
    expect(text).toContain("controlling\r");
  });
});
