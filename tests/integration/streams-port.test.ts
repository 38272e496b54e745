import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { CribError } from "../../src/errors/crib-error.ts";
import type { HostPath } from "../../src/ids/path.ts";
import { O_RDONLY } from "../../src/kernel/open-flags.ts";
import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import { connectLoopback } from "../../src/pods/exec/connect-port.ts";
import type { Duplex } from "../../src/runtime/streams.ts";
import { openMonitorBed, type Pod, sh } from "../harness/monitor-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Root and a real kernel: connections to ports inside of a pod's network namespace. */
const bed = openMonitorBed();
afterEach(() => bed.shutdownAll());
afterAll(() => bed.remove());

/** A kernel without IPv6 has no table of its sockets. */
const hasIpv6 = existsSync("/proc/net/tcp6");
const clock = createSystemClock();
const port = 8080;

describe("a connection to a pod's port", () => {
  test("carries 64 MiB in unharmed; each side ends its half by itself", async () => {
    const pod = await listening(`busybox nc -l -p ${port} -e busybox sh -c 'echo hello; busybox sha256sum'`);
    using duplex = await dial(pod);
    const read = collect(duplex);
    await waitUntil(() => read.text() === "hello\n", { what: "the greeting" });
    const hash = new Bun.CryptoHasher("sha256");
    const block = crypto.getRandomValues(new Uint8Array(64 * 1024));
    for (let i = 0; i < 1024; i++) {
      hash.update(block);
      await duplex.write(block);
    }
    duplex.end();
    await duplex.closed;
    expect(read.text()).toBe(`hello\n${hash.digest("hex")}  -\n`);
    expect(read.ended).toBe(true);
    await expect(duplex.write(block)).rejects.toThrow("has ended");
  });

  test.skipIf(!hasIpv6)(`falls back to ::1${hasIpv6 ? "" : " (skipped: this kernel has no IPv6)"}`, async () => {
    using server = hostServer((socket) => socket.end("from six"), "::1");
    using duplex = await connectLoopback({ kernel: bed.kernel, clock }, undefined, await server.port, "the host");
    const read = collect(duplex);
    await waitUntil(() => read.ended, { what: "its end" });
    expect(read.text()).toBe("from six");
  });

  test("brings 64 MiB out unharmed, through pauses", async () => {
    const size = 64 * 1024 * 1024;
    const pod = await listening(`busybox nc -l -p ${port} -e busybox head -c ${size} /dev/zero`);
    using duplex = await dial(pod);
    let total = 0;
    let whilePaused = 0;
    let paused = false;
    let nextPause = 0;
    duplex.onData((bytes) => {
      if (paused) whilePaused++;
      total += bytes?.length ?? 0;
      if (bytes === undefined) duplex.end();
      if (total < nextPause) return;
      nextPause += 4_000_000;
      paused = true;
      duplex.pause();
      setTimeout(() => {
        paused = false;
        duplex.resume();
      }, 1);
    });
    await duplex.closed;
    expect([total, whilePaused]).toEqual([size, 0]);
  });

  test("hears the other side's end and may go on writing", async () => {
    using server = hostServer((socket) => socket.end("last words"));
    using duplex = await connectLoopback({ kernel: bed.kernel, clock }, undefined, await server.port, "the host");
    const read = collect(duplex);
    await waitUntil(() => read.ended, { what: "its end" });
    expect(read.text()).toBe("last words");
    await duplex.write(Buffer.from("still here"));
    duplex.end();
    await duplex.closed;
    await waitUntil(() => server.received() === "still here", { what: "ours" });
  });

  test("that is reset says so", async () => {
    using server = hostServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    using duplex = await connectLoopback({ kernel: bed.kernel, clock }, undefined, await server.port, "the host");
    collect(duplex);
    await duplex.write(Buffer.from("x"));
    await expect(duplex.closed).rejects.toThrow("the host ended");
  });

  test("is unavailable when nobody listens", async () => {
    const pod = await bed.openPod();
    const error = await dial(pod).catch((reason: unknown) => reason);
    expect(CribError.is(error, "unavailable")).toBe(true);
    expect(String(error)).toContain("ECONNREFUSED");
  });
});

const netnsOf = (pod: Pod) => `/proc/${pod.monitor.pid}/ns/net` as HostPath;
const dial = async (pod: Pod) => {
  using netns = new OwnedFd(bed.kernel, bed.kernel.open(netnsOf(pod), O_RDONLY));
  return await connectLoopback({ kernel: bed.kernel, clock }, netns.fd, port, "the pod");
};

/** A pod in which `command` listens: there is a line for it in its table of sockets. */
async function listening(command: string): Promise<Pod> {
  const pod = await bed.openPod();
  const container = await bed.start(pod, { argv: sh(command) });
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  await waitUntil(
    () =>
      ["tcp", "tcp6"].some((name) => {
        const path = `/proc/${container.pid}/net/${name}`;
        return existsSync(path) && readFileSync(path, "utf8").includes(`:${hex} `);
      }),
    { what: "a listener" },
  );
  return pod;
}

function collect(duplex: Duplex): { text(): string; ended: boolean } {
  const chunks: Uint8Array[] = [];
  const read = { text: () => Buffer.concat(chunks).toString("latin1"), ended: false };
  duplex.onData((bytes) => {
    if (bytes === undefined) read.ended = true;
    else chunks.push(bytes.slice());
  });
  return read;
}

function hostServer(onConnection: (socket: Socket) => void, address = "127.0.0.1") {
  let received = "";
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      received += bytes.toString();
    });
    onConnection(socket);
  });
  const listening = new Promise<number>((resolve) => {
    server.listen(0, address, () => {
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : 0);
    });
  });
  return {
    port: listening,
    received: () => received,
    [Symbol.dispose]: () => void server.close(),
  };
}
