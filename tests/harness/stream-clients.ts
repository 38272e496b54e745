import { RawWebSocket } from "../fixtures/raw-client.ts";
import { RawSpdy } from "../fixtures/raw-spdy.ts";

export type StreamProtocol = "spdy" | "websocket";
export const streamProtocols: readonly StreamProtocol[] = ["spdy", "websocket"];

/** Both directions of a stream, whatever carries it. */
export interface StreamClient extends Disposable {
  send(bytes: Uint8Array): void;
  /** Bytes that the kernel has not taken yet. */
  readonly unsent: number;
  /** Ends the input where the protocol can say that. */
  end(): void;
  /** What came since it was last asked. */
  take(): readonly Uint8Array[];
  /** A terminal's size. */
  resize(columns: number, rows: number): void;
  readonly closed: boolean;
  /** Without a word: by a reset, or by closing both directions. */
  vanish(how: "reset" | "close"): void;
}

/** Exec or attach with stdin and stdout, and stderr or a terminal. */
export async function openCommand(protocol: StreamProtocol, url: string, terminal = false): Promise<StreamClient> {
  if (protocol === "websocket") return await webSocketClient(url, "v5.channel.k8s.io", { stdin: 0, stdout: 1 });
  const { spdy } = await openSpdy(url, "v4.channel.k8s.io");
  spdy.stream({ streamtype: "error" });
  const stdin = spdy.stream({ streamtype: "stdin" });
  const stdout = spdy.stream({ streamtype: "stdout" });
  const last = spdy.stream({ streamtype: terminal ? "resize" : "stderr" });
  return spdyClient(spdy, stdin, stdout, last);
}

/** One connection to `port`, which the request named. */
export async function openForward(protocol: StreamProtocol, url: string, port: number): Promise<StreamClient> {
  if (protocol === "websocket") {
    // Each channel begins with its port.
    return await webSocketClient(url, "v4.channel.k8s.io", { stdin: 0, stdout: 0 }, 2);
  }
  const { spdy } = await openSpdy(url, "portforward.k8s.io");
  const headers = { port: String(port), requestid: "1" };
  spdy.end(spdy.stream({ streamtype: "error", ...headers }));
  const data = spdy.stream({ streamtype: "data", ...headers });
  return spdyClient(spdy, data, data, data);
}

async function openSpdy(url: string, version: string) {
  const { port, pathname } = new URL(url);
  const opened = await RawSpdy.open(Number(port), pathname, version);
  if (!opened.head.startsWith("HTTP/1.1 101 ")) throw new Error(opened.head);
  return opened;
}

function spdyClient(spdy: RawSpdy, stdin: number, stdout: number, size: number): StreamClient {
  const { socket } = spdy.client;
  return {
    send: (bytes) => spdy.send(stdin, bytes),
    get unsent() {
      return socket.writableLength;
    },
    end: () => spdy.end(stdin),
    take: () => spdy.take(stdout),
    resize: (columns, rows) => spdy.send(size, JSON.stringify({ Width: columns, Height: rows })),
    get closed() {
      return spdy.client.closed || spdy.client.ended;
    },
    vanish: (how) => void (how === "reset" ? socket.resetAndDestroy() : socket.destroy()),
    [Symbol.dispose]: () => spdy[Symbol.dispose](),
  };
}

interface Channels {
  readonly stdin: number;
  readonly stdout: number;
}

async function webSocketClient(url: string, protocol: string, channels: Channels, skip = 0): Promise<StreamClient> {
  const { port, pathname } = new URL(url);
  const { head, ws } = await RawWebSocket.open(Number(port), pathname, protocol);
  if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(head);
  const { socket } = ws.client;
  let skipped = 0;
  return {
    send: (bytes) => ws.send(2, bytes, channels.stdin),
    get unsent() {
      return socket.writableLength;
    },
    end: () => ws.send(2, Uint8Array.of(channels.stdin), 255),
    take() {
      ws.parse();
      const frames = ws.frames.splice(0).filter(({ opcode }) => opcode <= 2);
      const pieces = frames.filter(({ payload }) => payload[0] === channels.stdout).map((f) => f.payload.subarray(1));
      const left = skip - skipped;
      const first = pieces[0];
      if (left === 0 || first === undefined) return pieces;
      skipped += Math.min(left, first.length);
      return [first.subarray(left), ...pieces.slice(1)];
    },
    resize: (columns, rows) => ws.send(2, JSON.stringify({ Width: columns, Height: rows }), 4),
    get closed() {
      return ws.client.closed || ws.client.ended;
    },
    vanish: (how) => void (how === "reset" ? socket.resetAndDestroy() : socket.destroy()),
    [Symbol.dispose]: () => ws[Symbol.dispose](),
  };
}
