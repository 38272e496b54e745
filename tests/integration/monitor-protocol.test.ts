import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { newSandboxId } from "../../src/ids/object-id.ts";
import { parseHostPath } from "../../src/ids/path.ts";
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUTS } from "../../src/kernel/clone-flags.ts";
import { O_DIRECTORY, O_PATH } from "../../src/kernel/open-flags.ts";
import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import { MonitorConnection } from "../../src/runtime/native/monitor/connection.ts";
import { FrameCutter } from "../../src/runtime/native/monitor/frame-cutter.ts";
import { encodeFrame, type Frame } from "../../src/runtime/native/monitor/frames.ts";
import { MonitorProtocolError } from "../../src/runtime/native/monitor/protocol-version.ts";
import { readGreeting } from "../../src/runtime/native/monitor/replies.ts";
import { helloPayload, setupPayload } from "../../src/runtime/native/monitor/requests.ts";
import { sayHello } from "../../src/runtime/native/monitor/say-hello.ts";
import { WireWriter } from "../../src/runtime/native/plan/wire-writer.ts";
import { FrameKind, protocol } from "../../src/runtime/native/wire-numbers.ts";
import { collect, openMonitorBed } from "../harness/monitor-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** H3: daemons and monitors of different ages. */
const bed = openMonitorBed();
const servers: { stop(force: boolean): void }[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) server.stop(true);
  await bed.shutdownAll();
});
afterAll(() => bed.remove());

function place() {
  const id = newSandboxId();
  const directory = parseHostPath(join(bed.path, id));
  mkdirSync(directory, { mode: 0o700 });
  return { id, directory };
}

/** What a monitor of version 1 does with a hello: anything but its own number is refused, and the connection ends. */
function monitorOfVersion1({ id, directory }: ReturnType<typeof place>) {
  const hellos: number[] = [];
  const server = Bun.listen({
    unix: join(directory, "monitor.sock"),
    socket: {
      data(socket, chunk) {
        new FrameCutter({ output: () => undefined, frame }).push(chunk);
        function frame({ kind, request, payload }: Frame) {
          if (kind !== FrameKind.hello || payload.length !== 8) return void socket.end();
          const version = new DataView(payload.buffer, payload.byteOffset).getUint16(4, true);
          hellos.push(version);
          if (version !== 1) {
            const refusal = new WireWriter().u32(93).u16(0).u16(0).string("monitor speaks protocol").string("1");
            socket.write(encodeFrame(FrameKind.error, request, refusal.written()));
            return void socket.end();
          }
          const greeting = new WireWriter().u32(protocol.magic).u16(1).u16(0).u32(4711).string(id);
          socket.write(encodeFrame(FrameKind.ok, request, greeting.written()));
        }
      },
    },
  });
  servers.push(server);
  return hellos;
}

/** Says hello in these bytes to a monitor of today; its answer, or undefined when it hangs up. */
async function answerTo(directory: string, hello: Uint8Array): Promise<Frame | undefined> {
  const frames: Frame[] = [];
  const cutter = new FrameCutter({ output: () => undefined, frame: (frame) => void frames.push(frame) });
  let ended = false;
  const socket = await Bun.connect({
    unix: join(directory, "monitor.sock"),
    socket: {
      data: (_socket, chunk) => void cutter.push(chunk),
      close: () => {
        ended = true;
      },
    },
  });
  socket.write(encodeFrame(FrameKind.hello, 1, hello));
  await waitUntil(() => ended || frames.length > 0, { what: "an answer to hello" });
  socket.terminate();
  return frames[0];
}

describe("H3: a daemon of today", () => {
  test("speaks version 1 with a monitor that knows no other", async () => {
    const old = place();
    const hellos = monitorOfVersion1(old);
    const monitor = await bed.launcher.reconnect(old.id, old.directory);
    expect(monitor.pid as number).toBe(4711);
    expect(hellos).toEqual([(protocol.oldest << 8) | protocol.newest, 1]);
    monitor.disconnect();
  });

  test("tells one it cannot speak with apart from one that is gone", async () => {
    const { id, directory } = place();
    servers.push(
      Bun.listen({
        unix: join(directory, "monitor.sock"),
        socket: {
          data(socket) {
            const refusal = new WireWriter().u32(93).u16(0).u16(0).string("monitor speaks protocol").string("7-9");
            socket.write(encodeFrame(FrameKind.error, 1, refusal.written()));
            socket.end();
          },
        },
      }),
    );
    const failed = await bed.launcher.reconnect(id, directory).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(MonitorProtocolError);
    expect(failed).toMatchObject({ its: { oldest: 7, newest: 9 } });
  });

  const oldMonitor = process.env.CRIB_TEST_OLD_MONITOR;
  if (oldMonitor === undefined)
    process.stdout.write("not run with a real monitor of version 1: set CRIB_TEST_OLD_MONITOR to one\n");
  else
    test("runs, enters and ends a container with a real monitor of version 1", async () => {
      const executable = bed.kernel.sealedMemfd("crib-monitor", readFileSync(oldMonitor));
      const { id, directory } = place();
      using opened = new OwnedFd(bed.kernel, bed.kernel.open(directory, O_PATH | O_DIRECTORY));
      const path = `/proc/self/fd/${opened.fd}/monitor.sock`;
      {
        using listener = new OwnedFd(bed.kernel, bed.kernel.listenUnix(path, 8));
        await bed.kernel.spawnDetached(executable, ["crib-monitor", id, directory], [listener.fd]);
      }
      // As the daemon of its time set it up; without that it ends with its first connection.
      const door = {
        dial: <R>(use: (path: string) => Promise<R>) => use(path),
        name: "monitor",
        clock: createSystemClock(),
      };
      const first = await MonitorConnection.open(door, { output: () => undefined, event: () => undefined });
      await sayHello(first, id, { oldest: 1, newest: 1 }, 5_000);
      const unshare = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
      const setup = setupPayload({ unshare, hostname: "old", loopback: true, pidInit: false, sysctls: [] });
      await first.request(FrameKind.setup, setup, { deadlineMs: 5_000 });
      first.close();
      const monitor = await bed.launcher.reconnect(id, directory);
      bed.live.push(monitor);
      const pod = { id, directory, monitor, exits: [] };
      const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] }, { timeoutMs: 60_000 });
      const { session, output } = await bed.exec(pod, container, { argv: ["/hello", "echo", "entered"] });
      await session.drained;
      expect(output.stdout).toBe("entered\n");
      const { streams } = await bed.openExec(pod, container, { argv: ["/hello", "exit", "5"] });
      collect(streams);
      expect((await streams.exited).exitCode).toBe(5);
    });
});

describe("H3: a monitor of today", () => {
  test("greets a daemon of version 1 in its own words", async () => {
    const pod = await bed.openPod();
    const answer = await answerTo(pod.directory, helloPayload({ oldest: 1, newest: 1 }));
    expect(answer?.kind).toBe(FrameKind.ok);
    const payload = answer?.payload ?? new Uint8Array();
    expect(readGreeting(payload)).toMatchObject({ magic: protocol.magic, version: 1, sandboxId: pod.id });
    // What lies behind the version was zero.
    expect([...payload.subarray(6, 8)]).toEqual([0, 0]);
  });

  test("picks the newest that both know, and says what else it knows", async () => {
    const pod = await bed.openPod();
    const answer = await answerTo(pod.directory, helloPayload({ oldest: 2, newest: 200 }));
    const payload = answer?.payload ?? new Uint8Array();
    expect(readGreeting(payload).version).toBe(protocol.newest);
    expect([...payload.subarray(6, 8)]).toEqual([protocol.newest, protocol.oldest]);
  });

  test("refuses a daemon that is too new by naming what it speaks, and lives on", async () => {
    const pod = await bed.openPod();
    const answer = await answerTo(pod.directory, helloPayload({ oldest: 7, newest: 9 }));
    expect(answer?.kind).toBe(FrameKind.error);
    expect(Buffer.from(answer?.payload ?? []).toString("latin1")).toContain(`${protocol.oldest}-${protocol.newest}`);
    await pod.monitor.list();
  });
});
