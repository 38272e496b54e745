import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createFakeClock } from "../../tests/fixtures/fake-clock.ts";
import { RawSpdy } from "../../tests/fixtures/raw-spdy.ts";
import { execRequest, openStreamingBed, type StreamingBed } from "../../tests/fixtures/streaming-bed.ts";
import { waitUntil } from "../../tests/harness/wait-until.ts";
import type { StreamRequest } from "./stream-request.ts";

let bed: StreamingBed;
beforeAll(() => {
  bed = openStreamingBed();
});
afterAll(async () => {
  await bed[Symbol.asyncDispose]();
});

async function openExec(version = "v4.channel.k8s.io", on = bed) {
  const before = on.pods.execs.length;
  const { head, spdy } = await RawSpdy.open(on.server.port, on.pathFor(execRequest), version);
  expect(head).toStartWith("HTTP/1.1 101 ");
  const [error = 0, stdin = 0, stdout = 0, stderr = 0] = ["error", "stdin", "stdout", "stderr"].map((streamtype) =>
    spdy.stream({ streamtype }),
  );
  await waitUntil(() => on.pods.execs.length > before && on.pods.execs.at(-1)?.process.listening, {
    what: "the process",
  });
  const process = on.pods.execs.at(-1)?.process;
  if (process === undefined) throw new TypeError("no process");
  return { spdy, process, error, stdin, stdout, stderr };
}

describe("exec over SPDY", () => {
  test("carries all streams, the status behind all output, then leaves", async () => {
    const { spdy, process, error, stdin, stdout, stderr } = await openExec();
    using _spdy = spdy;
    spdy.send(stdin, "input");
    spdy.end(stdin);
    await waitUntil(() => process.stdinClosed, { what: "the end of input" });
    process.print("out");
    process.print("err", "stderr");
    process.exit(3);
    await spdy.ended(error);
    await spdy.client.end();
    expect([process.stdinText, spdy.text(stdout), spdy.text(stderr)]).toEqual(["input", "out", "err"]);
    expect(JSON.parse(spdy.text(error)).details.causes).toEqual([{ reason: "ExitCode", message: "3" }]);
    expect(spdy.events).toEqual([`fin ${stdout}`, `fin ${stderr}`, `fin ${error}`, "go away"]);
    expect(process.disposed).toBe(true);
  });

  test.each([
    ["v4.channel.k8s.io", '{"metadata":{},"status":"Success"}', 0],
    ["v3.channel.k8s.io", "", 0],
    ["v2.channel.k8s.io", "command terminated with exit code 2", 2],
    ["channel.k8s.io", "command terminated with exit code 2", 2],
  ])("%s tells %p", async (version, status, exitCode) => {
    const { spdy, process, error } = await openExec(version);
    using _spdy = spdy;
    process.exit(exitCode);
    await spdy.ended(error);
    expect(spdy.text(error)).toBe(status);
  });

  test("a status comes whole to a client that read nothing until then", async () => {
    const { spdy, process, error, stdout } = await openExec();
    using _spdy = spdy;
    spdy.client.socket.pause();
    let sent = 0;
    while (!process.paused && sent < 1 << 26) {
      process.print(Buffer.alloc(128 * 1024, 7));
      sent += 128 * 1024;
    }
    expect(process.paused).toBe(true);
    process.exit(9);
    await waitUntil(() => process.disposed, { what: "the end of the session" });
    spdy.client.socket.resume();
    await spdy.ended(error);
    expect([spdy.text(stdout).length, spdy.text(error).includes('"9"')]).toEqual([sent, true]);
  });

  test("a vanished client takes the process with it", async () => {
    const { spdy, process } = await openExec();
    spdy.client.socket.resetAndDestroy();
    await waitUntil(() => process.disposed, { what: "the end of the process" });
  });

  test("a client that does not open its streams is let go after 30 s, and nothing is started", async () => {
    const clock = createFakeClock();
    await using own = openStreamingBed({ clock });
    const { spdy } = await RawSpdy.open(own.server.port, own.pathFor(execRequest), "v4.channel.k8s.io");
    using _spdy = spdy;
    spdy.stream({ streamtype: "error" });
    spdy.stream({ streamtype: "error" });
    spdy.stream({ streamtype: "nonsense" });
    await waitUntil(() => spdy.text(1) === "" && spdy.events.length === 2, { what: "two refusals" });
    await clock.advance(30_000);
    await spdy.client.end();
    expect([own.pods.execs.length, spdy.text(1), spdy.events]).toEqual([0, "", ["reset 3", "reset 5", "go away"]]);
  });
});

describe("port-forward over SPDY", () => {
  const request: StreamRequest = { kind: "portforward", sandboxId: "s".repeat(64), ports: [] };

  async function openForward() {
    const { head, spdy } = await RawSpdy.open(bed.server.port, bed.pathFor(request), "portforward.k8s.io");
    expect(head).toContain("X-Stream-Protocol-Version: portforward.k8s.io");
    return spdy;
  }

  test("connections side by side, each with its own end", async () => {
    using spdy = await openForward();
    const pair = (requestid: string, port = "80") => {
      const error = spdy.stream({ streamtype: "error", port, requestid });
      spdy.end(error);
      return { error, data: spdy.stream({ streamtype: "data", port, requestid }) };
    };
    const [first, second, refused] = [pair("0"), pair("1"), pair("2", "9")];
    spdy.send(first.data, "one");
    spdy.send(second.data, "two");
    await waitUntil(() => spdy.text(first.data) === "one" && spdy.text(second.data) === "two", { what: "both echoes" });
    spdy.end(first.data);
    await spdy.ended(first.data);
    await spdy.ended(first.error);
    await spdy.ended(refused.error);
    expect(spdy.text(refused.error)).toBe("error forwarding port 9: nobody listens on port 9");
    expect(spdy.events).toContain(`reset ${refused.data}`);
    spdy.send(second.data, "!");
    await waitUntil(() => spdy.text(second.data) === "two!", { what: "the second to live on" });
    spdy.client.socket.resetAndDestroy();
    await waitUntil(() => bed.pods.connections.every(({ duplex }) => duplex.disposed), {
      what: "no connection to be left",
    });
  });

  test.each(["0", "65536", "080", "-1", "1e3", "0x50", ""])("port %p is refused", async (port) => {
    using spdy = await openForward();
    const id = spdy.stream({ streamtype: "data", port, requestid: "0" });
    await waitUntil(() => spdy.text(id) === "" && spdy.events.includes(`reset ${id}`), { what: "the refusal" });
  });
});

test("a client that vanishes while its input is held takes the process with it", async () => {
  const clock = createFakeClock();
  await using own = openStreamingBed({ clock });
  const { spdy, process, stdin } = await openExec("v4.channel.k8s.io", own);
  process.reads = false;
  for (let i = 0; i < 64; i++) spdy.send(stdin, Buffer.alloc(64 * 1024));
  await waitUntil(() => spdy.client.socket.writableLength > 0, { what: "the server to hold its input" });
  spdy.client.socket.destroy();
  await waitUntil(() => spdy.client.closed, { what: "the client's end" });
  await waitUntil(
    async () => {
      await clock.advance(15_000);
      return process.disposed;
    },
    { what: "the end of the process" },
  );
  await waitUntil(() => own.server.connections === 0 && clock.sleepers === 0, { what: "nothing left" });
});
