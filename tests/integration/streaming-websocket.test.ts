import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { RawWebSocket } from "../fixtures/raw-client.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();

interface ExecOptions {
  readonly tty?: boolean;
  readonly stdin?: boolean;
}

async function exec(container: TestContainer, cmd: readonly string[], options: ExecOptions = {}) {
  const { tty = false, stdin = false } = options;
  const request = { containerId: container.id, cmd: [...cmd], tty, stdin, stdout: true, stderr: !tty };
  const { url } = await bed.cri.runtime.exec(request);
  const { port, pathname } = new URL(url);
  const { head, ws } = await RawWebSocket.open(Number(port), pathname, "v5.channel.k8s.io");
  expect(head).toStartWith("HTTP/1.1 101 ");
  return ws;
}

const endInput = (ws: RawWebSocket) => ws.send(2, Uint8Array.of(0), 255);
const statusOf = (ws: RawWebSocket) => JSON.parse(ws.channel(3));
const exitCodeOf = (ws: RawWebSocket) => statusOf(ws).details?.causes?.[0]?.message ?? "0";

describe("exec over WebSocket", () => {
  test("carries output, error output and the exit code", async () => {
    const container = await bed.runIdle(await bed.runPod());
    using ws = await exec(container, ["sh", "-c", "echo out; echo err >&2; exit 3"]);
    expect(await ws.closeCode()).toBe(1000);
    expect([ws.channel(1), ws.channel(2), exitCodeOf(ws)]).toEqual(["out\n", "err\n", "3"]);
  });

  test("input ends where the client says so", async () => {
    const container = await bed.runIdle(await bed.runPod());
    using ws = await exec(container, ["sh", "-c", "cat | wc -c"], { stdin: true });
    ws.send(2, "12345", 0);
    ws.send(2, "678", 0);
    endInput(ws);
    expect(await ws.closeCode()).toBe(1000);
    expect([ws.channel(1).trim(), exitCodeOf(ws)]).toEqual(["8", "0"]);
  });

  test("a terminal has the size it is told", async () => {
    const container = await bed.runIdle(await bed.runPod());
    using ws = await exec(container, ["sh"], { tty: true, stdin: true });
    ws.send(2, '{"Width":123,"Height":45}', 4);
    await waitUntil(
      () => {
        ws.send(2, "stty size\n", 0);
        return ws.channel(1).includes("45 123");
      },
      { what: "the size" },
    );
    ws.send(2, "exit 7\n", 0);
    expect(await ws.closeCode()).toBe(1000);
    expect(exitCodeOf(ws)).toBe("7");
  });

  test("64 MiB come back as they went", async () => {
    const container = await bed.runIdle(await bed.runPod());
    using ws = await exec(container, ["cat"], { stdin: true });
    const chunk = Buffer.alloc(256 * 1024);
    for (let at = 0; at < chunk.length; at += 1) chunk[at] = (at * 31 + (at >> 8)) & 0xff;
    const sent = createHash("sha256");
    const received = createHash("sha256");
    let bytes = 0;
    const take = () => {
      ws.parse();
      for (const { opcode, payload } of ws.frames.splice(0)) {
        if (opcode > 2 || payload[0] !== 1) continue;
        received.update(payload.subarray(1));
        bytes += payload.length - 1;
      }
    };
    const count = 256;
    for (let index = 0; index < count; index += 1) {
      chunk.writeUInt32LE(index);
      sent.update(chunk);
      ws.send(2, chunk, 0);
      if (index % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
      take();
    }
    endInput(ws);
    await waitUntil(
      () => {
        take();
        return bytes === count * chunk.length;
      },
      { what: "all bytes", boundMs: 60_000 },
    );
    expect(received.digest("hex")).toBe(sent.digest("hex"));
  }, 90_000);

  test("a client that vanishes leaves no process", async () => {
    const container = await bed.runIdle(await bed.runPod());
    using ws = await exec(container, ["sh", "-c", "echo ready; sleep 4321"], { stdin: true });
    await ws.until("the command", () => ws.channel(1) === "ready\n");
    expect(await container.sh("ps | grep -c '[s]leep 4321'")).not.toBe("0");
    ws.client.socket.resetAndDestroy();
    await waitUntil(async () => (await container.sh("ps | grep -c '[s]leep 4321' || true")) === "0", {
      what: "the process to be gone",
    });
  });

  test("a command that is not there is told as a status", async () => {
    const container = await bed.runIdle(await bed.runPod());
    using ws = await exec(container, ["/no/such/command"]);
    expect(await ws.closeCode()).toBe(1000);
    expect(statusOf(ws).status).toBe("Failure");
  });
});
