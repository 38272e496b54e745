import { afterEach, describe, expect, test } from "bun:test";
import { createFakeClock } from "../../../../tests/fixtures/fake-clock.ts";
import { execPlan } from "../../../../tests/fixtures/launch-plans.ts";
import { type WireClient, WireMonitor } from "../../../../tests/fixtures/wire-monitor.ts";
import { waitUntil } from "../../../../tests/harness/wait-until.ts";
import { Errno } from "../../../errors/errno.ts";
import { newContainerId, newExecId, newSandboxId } from "../../../ids/object-id.ts";
import { WireWriter } from "../plan/wire-writer.ts";
import { FrameKind } from "../wire-numbers.ts";
import { type ConnectionUser, MonitorConnection, type MonitorDial } from "./connection.ts";
import type { Frame } from "./frames.ts";
import { openAttachSession, openExecSession } from "./process-session.ts";
import { spoken } from "./protocol-version.ts";
import { sayHello } from "./say-hello.ts";

const sandboxId = newSandboxId();
const open: Disposable[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each[Symbol.dispose]();
});

function makeBed(onRequest: (frame: Frame, client: WireClient) => void) {
  const monitor = new WireMonitor(sandboxId, onRequest);
  open.push(monitor);
  const clock = createFakeClock();
  const dial: MonitorDial = (use) => use(monitor.path);
  const address = { sandboxId, dial, name: "the monitor", clock };
  async function connect(user: Partial<ConnectionUser> = {}) {
    const connection = await MonitorConnection.open(address, {
      output: () => undefined,
      event: () => undefined,
      ...user,
    });
    open.push({ [Symbol.dispose]: () => connection.close() });
    return connection;
  }
  return { monitor, clock, address, connect };
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const bytes = (of: string) => new TextEncoder().encode(of);
/** Not `expect().rejects`: what the connection says is what is asserted, word for word. */
const messageOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "no error",
    (error: Error) => error.message,
  );

describe("MonitorConnection", () => {
  test("answers find their request in whatever order they come", async () => {
    const waiting: Frame[] = [];
    const { connect } = makeBed((frame, client) => {
      waiting.push(frame);
      if (waiting.length === 2) for (const { request, payload } of waiting.reverse()) client.ok(request, payload);
    });
    const connection = await connect();
    const [first, second] = await Promise.all([
      connection.request(FrameKind.list, bytes("one")),
      connection.request(FrameKind.list, bytes("two")),
    ]);
    expect([text(first), text(second)]).toEqual(["one", "two"]);
  });

  test("a refusal is told as the monitor's", async () => {
    const { connect } = makeBed(({ request }, client) => client.refuse(request, Errno.EBUSY, "renew"));
    const connection = await connect();
    const refused = await connection.request(FrameKind.list, bytes("")).catch((error: unknown) => error);
    expect(refused).toMatchObject({ failure: { errno: Errno.EBUSY, call: "renew" } });
    expect(connection.isOpen).toBe(true);
  });

  test("output and events are told in the order in which they came", async () => {
    const told: string[] = [];
    const { connect } = makeBed(({ request }, client) => {
      client.output("a", "stdout", bytes("1"));
      client.event(FrameKind.execDrained, bytes("x"));
      client.output("b", "stderr", bytes("2"));
      client.ok(request);
    });
    const connection = await connect({
      output: (id, stream, piece) => told.push(`${id} ${stream} ${text(piece)}`),
      event: ({ kind }) => told.push(`event ${kind}`),
    });
    await connection.request(FrameKind.list, bytes(""));
    expect(told).toEqual(["a stdout 1", `event ${FrameKind.execDrained}`, "b stderr 2"]);
  });

  test("an answer that is overdue ends the connection with a reason that names the request", async () => {
    const { connect, clock } = makeBed(() => undefined);
    const connection = await connect();
    const asked = messageOf(connection.request(FrameKind.list, bytes(""), { deadlineMs: 1000 }));
    const other = messageOf(connection.request(FrameKind.signal, bytes("")));
    await clock.advance(999);
    expect(connection.isOpen).toBe(true);
    await clock.advance(100);
    const reason = "the monitor does not answer: no reply to list within 1 s";
    expect(await Promise.all([asked, other])).toEqual([reason, reason]);
    expect((await connection.closed).message).toBe(reason);
    expect(await messageOf(connection.request(FrameKind.list, bytes("")))).toBe("the monitor is gone");
    expect(clock.sleepers).toBe(0);
  });

  test("an answer that waits behind a pause is not held against the monitor", async () => {
    const { connect, clock, monitor } = makeBed(({ request, payload }, client) => client.ok(request, payload));
    const connection = await connect();
    connection.pause();
    const asked = connection.request(FrameKind.list, bytes("late"), { deadlineMs: 1000 });
    await waitUntil(() => monitor.clients[0]?.asked.length === 1, { what: "the request" });
    await clock.advance(5000);
    expect(connection.isOpen).toBe(true);
    connection.resume();
    expect(text(await asked)).toBe("late");
  });

  test("a request that was given up tells of its late success once, and the connection goes on", async () => {
    const { connect, monitor } = makeBed(() => undefined);
    const connection = await connect();
    const giveUp = new AbortController();
    let late = 0;
    const asked = connection.patientRequest(FrameKind.start, bytes(""), {
      signal: giveUp.signal,
      onLate: () => late++,
    });
    await waitUntil(() => monitor.clients[0]?.asked.length === 1, { what: "the request" });
    giveUp.abort(new Error("enough"));
    expect(await messageOf(asked)).toBe("enough");
    const { clients } = monitor;
    clients[0]?.ok(clients[0].asked[0]?.request ?? 0);
    const next = connection.request(FrameKind.list, bytes(""));
    await waitUntil(() => clients[0]?.asked.length === 2, { what: "the next request" });
    clients[0]?.ok(clients[0].asked[1]?.request ?? 0);
    await next;
    expect(late).toBe(1);
  });

  test.each<[string, (client: WireClient) => void, string]>([
    ["hangs up", (client) => client.hangUp(), "the monitor is gone"],
    [
      "writes what no monitor writes",
      (client) => client.raw(new Uint8Array(12).fill(0xff)),
      "malformed frame from a pod's monitor",
    ],
  ])("a monitor that %s ends every open request", async (_what, act, reason) => {
    const { connect } = makeBed((_frame, client) => act(client));
    const connection = await connect();
    const asked = [connection.request(FrameKind.list, bytes("")), connection.request(FrameKind.list, bytes(""))];
    expect(await Promise.all(asked.map(messageOf))).toEqual([reason, reason]);
    expect(connection.isOpen).toBe(false);
  });

  test("what was sent before the monitor hung up is told when the pause ends, and the end after it", async () => {
    const told: string[] = [];
    const { connect, monitor } = makeBed(({ request }, client) => {
      client.ok(request);
      client.output("a", "stdout", bytes("last words"));
      client.hangUp();
    });
    const connection = await connect({ output: (_id, _stream, piece) => told.push(text(piece)) });
    await connection.request(FrameKind.list, bytes(""), { pauseAfter: true });
    expect(told).toEqual([]);
    expect(monitor.clients.length).toBe(1);
    connection.resume();
    await connection.closed;
    expect(told.join("")).toBe("last words");
  });

  test("the tail of a payload arrives as it was, copied, joined or written where there was room", async () => {
    const { connect, monitor } = makeBed(({ request }, client) => client.ok(request));
    const connection = await connect();
    const small = bytes("small");
    const large = new Uint8Array(64 * 1024).fill(7);
    const roomy = new Uint8Array(1000).fill(1);
    await connection.request(FrameKind.stdin, bytes("a"), { tail: small });
    await connection.request(FrameKind.stdin, bytes("b"), { tail: large });
    await connection.request(FrameKind.stdin, bytes("c"), { tail: roomy.subarray(500), tailHeadroomBytes: 500 });
    const payloads = monitor.clients[0]?.asked.map(({ payload }) => Buffer.from(payload).toString("latin1"));
    expect(payloads).toEqual(["asmall", `b${"\x07".repeat(large.length)}`, `c${"\x01".repeat(500)}`]);
  });

  test("a socket where nobody listens is unavailable", async () => {
    const { address } = makeBed(() => undefined);
    const dial: MonitorDial = (use) => use("/nowhere/monitor.sock");
    const failed = MonitorConnection.open({ ...address, dial }, { output: () => undefined, event: () => undefined });
    expect(await messageOf(failed)).toStartWith("the monitor does not answer: ");
  });
});

describe("sayHello()", () => {
  test("takes the greeting of the sandbox's monitor", async () => {
    const { connect } = makeBed(() => undefined);
    expect(await sayHello(await connect(), sandboxId, spoken, 1000)).toMatchObject({ pid: 4711, sandboxId });
  });

  test("refuses one of another sandbox, and a version that was not offered", async () => {
    const { connect } = makeBed(() => undefined);
    expect(await messageOf(sayHello(await connect(), newSandboxId(), spoken, 1000))).toContain(
      `the monitor of sandbox "${sandboxId}" answers`,
    );
    const tooOld = { oldest: 1, newest: 1 };
    expect(await messageOf(sayHello(await connect(), sandboxId, tooOld, 1000))).toContain("answers at the socket");
  });
});

describe("a session", () => {
  const plan = execPlan(1, { argv: ["/bin/true"] });
  const started = new WireWriter().u32(5).u64(1n).u32(0).written();

  function openExec({ address }: ReturnType<typeof makeBed>, id = newExecId()) {
    const request = {
      id,
      containerId: newContainerId(),
      plan,
      terminal: false,
      stdin: true,
      stdout: true,
      stderr: true,
    };
    return openExecSession(address, spoken.newest, request);
  }

  test("keeps output for its listener, tells exit and drain, and gives its connection back", async () => {
    const id = newExecId();
    const bed = makeBed(({ kind, request }, client) => {
      if (kind !== FrameKind.exec) return;
      client.ok(request, started);
      client.output(id, "stderr", bytes("early"));
      client.event(FrameKind.execExit, new WireWriter().string(id).u8(3).u8(0).written());
      client.event(FrameKind.execDrained, new WireWriter().string(id).written());
    });
    const session = await openExec(bed, id);
    const told: string[] = [];
    session.onOutput((stream, piece) => told.push(`${stream} ${text(piece)}`));
    expect(await session.exited).toEqual({ exitCode: 3, signal: 0 });
    await session.drained;
    await session.closed;
    expect(told).toEqual(["stderr early"]);
  });

  test("is lost with its monitor", async () => {
    const bed = makeBed(({ kind, request }, client) => {
      if (kind === FrameKind.exec) client.ok(request, started);
      else client.hangUp();
    });
    const session = await openExec(bed);
    session.onOutput(() => undefined);
    expect(await messageOf(session.writeStdin(bytes("input")))).toBe("the monitor is gone");
    expect(await messageOf(session.exited)).toBe("the monitor is gone");
    expect(await messageOf(session.drained)).toBe("the monitor is gone");
    await session.closed;
  });

  test("asks a process that has ended for nothing", async () => {
    const bed = makeBed(({ kind, request }, client) => {
      if (kind === FrameKind.exec) client.ok(request, started);
      else client.refuse(request, Errno.ENOENT, "resize");
    });
    const session = await openExec(bed);
    session.onOutput(() => undefined);
    await session.resize(80, 24);
    await session.closeStdin();
    session[Symbol.dispose]();
    await session.closed;
  });

  test("of another sandbox's monitor is refused", async () => {
    const bed = makeBed(() => undefined);
    const request = { containerId: newContainerId(), stdin: false, stdout: true, stderr: true };
    const other = { ...bed.address, sandboxId: newSandboxId() };
    const opened = openAttachSession(other, spoken.newest, request);
    expect(await messageOf(opened)).toContain("the monitor refuses a session: the monitor of sandbox");
  });
});
