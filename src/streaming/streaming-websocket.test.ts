import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createFakeClock } from "../../tests/fixtures/fake-clock.ts";
import { maskedFrame, RawWebSocket } from "../../tests/fixtures/raw-client.ts";
import { attachRequest, execRequest, openStreamingBed, type StreamingBed } from "../../tests/fixtures/streaming-bed.ts";
import { waitUntil } from "../../tests/harness/wait-until.ts";
import { CribError } from "../errors/crib-error.ts";
import type { StreamRequest } from "./stream-request.ts";

let bed: StreamingBed;
beforeAll(() => {
  bed = openStreamingBed();
});
afterAll(async () => {
  await bed[Symbol.asyncDispose]();
});

async function open(request: StreamRequest, protocol = "v5.channel.k8s.io", on: StreamingBed = bed) {
  const before = on.pods.execs.length + on.pods.attaches.length;
  const { head, ws } = await RawWebSocket.open(on.server.port, on.pathFor(request), protocol);
  expect(head).toStartWith("HTTP/1.1 101 ");
  if (request.kind === "portforward") throw new TypeError("not a command");
  const list = request.kind === "exec" ? on.pods.execs : on.pods.attaches;
  await waitUntil(() => on.pods.execs.length + on.pods.attaches.length > before && list.at(-1)?.process.listening, {
    what: "the process",
  });
  const process = list.at(-1)?.process;
  if (process === undefined) throw new TypeError("no process");
  return { ws, process, head };
}

describe("exec over WebSocket", () => {
  test("carries all streams both ways, the status behind all output, then closes with 1000", async () => {
    const { ws, process } = await open(execRequest);
    using _ws = ws;
    ws.send(2, "hello\n", 0);
    process.print("out");
    process.print("err", "stderr");
    ws.send(2, Uint8Array.of(0), 255);
    await waitUntil(() => process.stdinClosed, { what: "the end of input" });
    expect(process.stdinText).toBe("hello\n");
    process.print("last");
    process.exit(3);
    expect(await ws.closeCode()).toBe(1000);
    expect([ws.channel(1), ws.channel(2)]).toEqual(["outlast", "err"]);
    expect(JSON.parse(ws.channel(3))).toMatchObject({
      status: "Failure",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "3" }] },
    });
    const order = ws.frames.map(({ opcode, payload }) => (opcode === 8 ? "close" : payload[0]));
    expect(order.slice(-3)).toEqual([1, 3, "close"]);
    await ws.client.end();
    expect(process.disposed).toBe(true);
  });

  test.each([
    ["v5.channel.k8s.io", 0, '{"metadata":{},"status":"Success"}'],
    ["v4.channel.k8s.io", 0, '{"metadata":{},"status":"Success"}'],
    ["v3.channel.k8s.io", 0, ""],
    ["v2.channel.k8s.io", 1, "command terminated with exit code 1"],
    ["channel.k8s.io", 137, "command terminated with exit code 137"],
    ["", 0, ""],
  ])("%p ends with %p by %p", async (protocol, exitCode, status) => {
    const { ws, process, head } = await open(execRequest, protocol);
    using _ws = ws;
    expect(head.includes("Sec-WebSocket-Protocol")).toBe(protocol !== "");
    process.exit(exitCode);
    expect(await ws.closeCode()).toBe(1000);
    expect(ws.channel(3)).toBe(status);
    // The empty message that tells the client it is connected.
    expect(ws.frames[0]).toEqual({ opcode: 2, payload: Buffer.of(1) });
  });

  test("a signal counts from 128", async () => {
    const { ws, process } = await open(execRequest);
    using _ws = ws;
    process.exit(0, 9);
    await ws.closeCode();
    expect(JSON.parse(ws.channel(3)).details.causes[0].message).toBe("137");
  });

  test.each(["v4.base64.channel.k8s.io", "base64.channel.k8s.io"])("%s is text both ways", async (protocol) => {
    const { ws, process } = await open(execRequest, protocol);
    using _ws = ws;
    ws.send(1, `0${Buffer.from("in\u0000put").toString("base64")}`);
    await waitUntil(() => process.stdinText === "in\u0000put", { what: "the input" });
    process.print(Uint8Array.of(0, 255, 10));
    process.exit(0);
    await ws.closeCode();
    expect(ws.frames.filter(({ opcode }) => opcode === 1).map(({ payload }) => payload.toString())[1]).toBe("1AP8K");
  });

  test("fragments, a ping between them, and pieces of one byte make one input", async () => {
    const { ws, process } = await open(execRequest);
    using _ws = ws;
    const bytes = Buffer.concat([
      maskedFrame(2, Buffer.from("\0ab"), { final: false }),
      maskedFrame(9, Buffer.from("ping")),
      maskedFrame(0, Buffer.from("cd"), { final: false }),
      maskedFrame(0, Buffer.from("ef")),
    ]);
    for (const byte of bytes) {
      ws.client.send(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitUntil(() => process.stdinText === "abcdef", { what: "the input" });
    await ws.until("the pong", (frames) =>
      frames.find(({ opcode, payload }) => opcode === 10 && String(payload) === "ping"),
    );
  });

  test("resizes a terminal, and skips what is no size", async () => {
    const { ws, process } = await open(attachRequest);
    using _ws = ws;
    ws.send(2, '{"Width":80,"Height":24}\n', 4);
    ws.send(2, '{"Width":0,"Height":24}not json', 4);
    ws.send(2, '{"Width":1', 4);
    ws.send(2, '20,"Height":40}', 4);
    await waitUntil(() => process.sizes.length >= 2, { what: "two sizes" });
    expect(process.sizes).toEqual([
      [80, 24],
      [120, 40],
    ]);
    process.exit(7);
    await ws.closeCode();
    // The end of an attachment is no verdict on the container.
    expect(JSON.parse(ws.channel(3)).status).toBe("Success");
  });

  test("streams that were not asked for carry nothing", async () => {
    const { ws, process } = await open({ ...execRequest, stdin: false, stderr: false });
    using _ws = ws;
    ws.send(2, "input", 0);
    process.print("no", "stderr");
    process.print("yes");
    await ws.until("the output", () => ws.channel(1) === "yes");
    expect([process.stdinText, ws.channel(2)]).toEqual(["", ""]);
  });

  test("a command that cannot be started is told as a status", async () => {
    await using own = openStreamingBed();
    own.pods.failure = new CribError("failed-precondition", "executable not found");
    const { ws } = await RawWebSocket.open(own.server.port, own.pathFor(execRequest), "v4.channel.k8s.io");
    using _ws = ws;
    await ws.closeCode();
    expect(JSON.parse(ws.channel(3))).toMatchObject({
      status: "Failure",
      reason: "InternalError",
      message: "cannot exec: executable not found",
    });
  });

  test("a lost monitor is told as a status", async () => {
    const { ws, process } = await open(execRequest);
    using _ws = ws;
    process.lose("the monitor is gone");
    await ws.closeCode();
    expect(JSON.parse(ws.channel(3)).message).toBe("cannot exec: the monitor is gone");
  });

  test("a command that closed its input does not hold the client", async () => {
    const { ws, process } = await open(execRequest);
    using _ws = ws;
    process.stdinClosed = true;
    for (let at = 0; at < 40; at += 1) ws.send(2, Buffer.alloc(32_768), 0);
    ws.send(9, "still there");
    await ws.until("a pong", (frames) => frames.find(({ opcode }) => opcode === 10));
    process.exit(0);
    expect(await ws.closeCode()).toBe(1000);
  });
});

describe("back-pressure", () => {
  test("a client that does not read stops the process, and loses nothing", async () => {
    const { ws, process } = await open(execRequest);
    using _ws = ws;
    ws.client.socket.pause();
    const chunk = Buffer.alloc(128 * 1024, 7);
    let sent = 0;
    while (!process.paused && sent < 64 * 1024 * 1024) {
      process.print(chunk);
      sent += chunk.length;
    }
    expect(process.paused).toBe(true);
    ws.client.socket.resume();
    await waitUntil(() => !process.paused, { what: "the process to go on" });
    process.exit(0);
    await ws.closeCode();
    expect(ws.channel(1).length).toBe(sent);
  });

  test("a process that does not read stops the client, not its status", async () => {
    const { ws, process } = await open(execRequest);
    using _ws = ws;
    process.reads = false;
    const chunk = Buffer.alloc(64 * 1024, 1);
    for (let at = 0; at < 512; at += 1) ws.send(2, chunk, 0);
    await Bun.sleep(50);
    expect(ws.client.socket.writableLength).toBeGreaterThan(1024 * 1024);
    process.exit(5);
    expect(await ws.closeCode()).toBe(1000);
    expect(ws.channel(3)).toContain('"5"');
  });

  test("input that was held comes whole when it is read again", async () => {
    const { ws, process } = await open(execRequest);
    using _ws = ws;
    process.reads = false;
    const chunk = Buffer.alloc(64 * 1024, 1);
    for (let at = 0; at < 256; at += 1) ws.send(2, chunk, 0);
    ws.send(2, Uint8Array.of(0), 255);
    await Bun.sleep(20);
    process.read();
    await waitUntil(() => process.stdinClosed, { what: "all input" });
    expect(Buffer.concat(process.stdin).length).toBe(256 * chunk.length);
  });
});

describe("ends", () => {
  test("a vanished client takes the process with it", async () => {
    const { ws, process } = await open(execRequest);
    ws.client.socket.resetAndDestroy();
    await waitUntil(() => process.disposed, { what: "the end of the process" });
    await waitUntil(() => bed.server.connections === 0, { what: "the end of the connection" });
  });

  test("a client that closes is answered with its own code", async () => {
    const { ws, process } = await open(execRequest);
    using _ws = ws;
    ws.send(8, Uint8Array.of(0x0b, 0xb8, ...Buffer.from("bye")));
    expect(await ws.closeCode()).toBe(3000);
    expect(process.disposed).toBe(true);
  });

  test("no data for the idle timeout ends a stream, whatever pings and resizes come", async () => {
    const clock = createFakeClock();
    await using own = openStreamingBed({ clock, idleTimeoutMs: 1000 });
    const { ws, process } = await open({ ...execRequest, terminal: true, stderr: false }, "v5.channel.k8s.io", own);
    using _ws = ws;
    await clock.advance(900);
    process.print("x");
    await clock.advance(900);
    ws.send(9, "");
    ws.send(2, '{"Width":80,"Height":24}', 4);
    await waitUntil(() => process.sizes.length === 1, { what: "the resize" });
    expect(process.disposed).toBe(false);
    await clock.advance(200);
    expect(await ws.closeCode()).toBe(1000);
    expect(JSON.parse(ws.channel(3)).message).toBe("the stream was idle for too long");
    expect(process.disposed).toBe(true);
    await ws.client.end();
    ws.client.socket.destroy();
    await waitUntil(() => own.server.connections === 0 && clock.sleepers === 0, { what: "no timer to be left" });
  });

  test("a client whose input is held hears from us, so that its own pings do not run out", async () => {
    const clock = createFakeClock();
    await using own = openStreamingBed({ clock });
    const { ws, process } = await open(execRequest, "v5.channel.k8s.io", own);
    using _ws = ws;
    process.reads = false;
    const chunk = Buffer.alloc(64 * 1024, 1);
    for (let at = 0; at < 256; at += 1) ws.send(2, chunk, 0);
    // The idle timer, and the pongs' once the input is held.
    await waitUntil(() => clock.sleepers === 2, { what: "the input to be held" });
    await clock.advance(15_000);
    await ws.until("a pong", (frames) => frames.find(({ opcode }) => opcode === 10));
  });

  test("the daemon's end is the client's", async () => {
    const own = openStreamingBed();
    const { ws, process } = await open(execRequest, "v5.channel.k8s.io", own);
    using _ws = ws;
    await own[Symbol.asyncDispose]();
    await ws.client.end();
    expect(process.disposed).toBe(true);
  });
});

describe("attacks", () => {
  const big = Buffer.alloc(14);
  big.set([0x82, 0xff]);
  big.writeBigUInt64BE(1n << 62n, 2);
  test.each([
    ["an unmasked frame", Buffer.from([0x82, 0x01, 0x00]), 1002],
    ["reserved bits", maskedFrame(0xc2, Buffer.from("\0x")), 1002],
    ["an unknown opcode", maskedFrame(0x83, Buffer.from("x")), 1002],
    ["an unknown control opcode", maskedFrame(0x8b, Buffer.from("x")), 1002],
    ["a stray continuation", maskedFrame(0x80, Buffer.from("x")), 1002],
    [
      "a message within a message",
      Buffer.concat([maskedFrame(0x02, Buffer.of(0), { final: false }), maskedFrame(2, Buffer.of(0))]),
      1002,
    ],
    ["a fragmented ping", maskedFrame(9, Buffer.from("x"), { final: false }), 1002],
    ["a long ping", maskedFrame(9, Buffer.alloc(126)), 1002],
    ["a length in a longer form than needed", Buffer.from([0x82, 0xfe, 0, 5, 1, 2, 3, 4]), 1002],
    ["an oversized frame", big, 1009],
    ["a close code nobody may send", maskedFrame(8, Uint8Array.of(0x03, 0xed)), 1002],
    ["half a close code", maskedFrame(8, Uint8Array.of(3)), 1002],
    ["a close reason that is no UTF-8", maskedFrame(8, Uint8Array.of(0x03, 0xe8, 0xff)), 1007],
    ["text that is no UTF-8", maskedFrame(1, Uint8Array.of(0, 0xff)), 1007],
    ["a close signal for nothing", maskedFrame(2, Uint8Array.of(255)), 1002],
    ["a close signal for no channel", maskedFrame(2, Uint8Array.of(255, 9)), 1002],
    ["a close signal with more behind it", maskedFrame(2, Uint8Array.of(255, 0, 0)), 1009],
  ])("%s ends the session", async (_what, bytes, code) => {
    const { ws, process } = await open(execRequest);
    using _ws = ws;
    ws.client.send(bytes);
    expect(await ws.closeCode()).toBe(code);
    await waitUntil(() => process.disposed, { what: "the end of the process" });
    await ws.client.end();
  });

  test("base64 that is none", async () => {
    const { ws } = await open(execRequest, "v4.base64.channel.k8s.io");
    using _ws = ws;
    ws.send(1, "0a===");
    expect(await ws.closeCode()).toBe(1007);
  });

  test("a flood of pings to a client that reads nothing is kept in one pong", async () => {
    const { ws } = await open(execRequest);
    using _ws = ws;
    ws.client.socket.pause();
    const flood = Buffer.concat(Array.from({ length: 10_000 }, () => maskedFrame(9, Buffer.alloc(125))));
    for (let at = 0; at < 40; at += 1) ws.client.send(flood);
    await waitUntil(() => ws.client.socket.writableLength === 0, { what: "the flood to be read" });
    ws.client.socket.resume();
    ws.send(9, "the last");
    await ws.until("the last pong", (frames) => frames.find(({ payload }) => String(payload) === "the last"));
  });
});

describe("port-forward over the channel protocols", () => {
  const request: StreamRequest = { kind: "portforward", sandboxId: "s".repeat(64), ports: [80, 9, 0x1234] };

  test("two channels a port: data and error, the port first", async () => {
    const { ws } = await RawWebSocket.open(bed.server.port, bed.pathFor(request), "v4.channel.k8s.io");
    using _ws = ws;
    await ws.until("the error of port 9", () => ws.channel(3).length > 2);
    expect([0, 1, 2, 4, 5].map((channel) => ws.channel(channel))).toEqual([
      "P\0",
      "P\0",
      "\t\0",
      "\x34\x12",
      "\x34\x12",
    ]);
    expect(ws.channel(3)).toBe("\t\0error forwarding port 9: nobody listens on port 9");
    ws.send(2, "hello", 4);
    await ws.until("the echo", () => ws.channel(4) === "\x34\x12hello");
    for (const { duplex } of bed.pods.connections) duplex.finish();
    expect(await ws.closeCode()).toBe(1000);
    expect(bed.pods.connections.every(({ duplex }) => duplex.disposed)).toBe(true);
  });

  test("a request without ports is refused", async () => {
    const path = bed.pathFor({ ...request, ports: [] });
    const { head, ws } = await RawWebSocket.open(bed.server.port, path, "v4.channel.k8s.io");
    using _ws = ws;
    expect(head).toStartWith("HTTP/1.1 400 ");
  });
});
