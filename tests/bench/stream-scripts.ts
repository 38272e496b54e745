import { encodeHeaderBlock } from "../../src/streaming/spdy/header-block.ts";
import { controlFrame, dataFrame, HeaderStream, numbers } from "../fixtures/spdy-peer.ts";

export type StreamProtocol = "spdy" | "websocket";

interface Wants {
  readonly stdin: boolean;
  readonly stdout: boolean;
}

const frameBytes = 256 * 1024;
const FIN = 1;
const stdinChannel = 0;

/** What `pump client` reads: everything a client of an exec says from the first byte to the end of its input of `bytes`. */
export function execScript(protocol: StreamProtocol, path: string, wants: Wants, bytes: number): Uint8Array {
  const parts = protocol === "spdy" ? spdyParts(path, wants) : webSocketParts(path, wants);
  const count = wants.stdin ? Math.ceil(bytes / frameBytes) : 0;
  return Buffer.concat([...parts.map((part) => Buffer.concat([littleEndian(part.length), part])), littleEndian(count)]);
}

/** What goes in: whole frames. */
export function sentBytes(bytes: number): number {
  return Math.ceil(bytes / frameBytes) * frameBytes;
}

function spdyParts(path: string, wants: Wants): readonly Uint8Array[] {
  const headers = new HeaderStream();
  const types = ["error", ...(wants.stdin ? ["stdin"] : []), ...(wants.stdout ? ["stdout"] : [])];
  const opened = types.map((streamtype, at) => {
    const block = headers.compress(encodeHeaderBlock([["streamtype", streamtype]]));
    return controlFrame(1, Buffer.concat([numbers(at * 2 + 1, 0), Uint8Array.of(0, 0), block]));
  });
  const stdin = types.indexOf("stdin") * 2 + 1;
  const request =
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n` +
    "X-Stream-Protocol-Version: v4.channel.k8s.io\r\nContent-Length: 0\r\n\r\n";
  return [
    Buffer.from(request),
    Buffer.concat(opened),
    dataFrame(stdin, new Uint8Array(frameBytes)),
    wants.stdin ? dataFrame(stdin, "", FIN) : new Uint8Array(),
  ];
}

function webSocketParts(path: string, wants: Wants): readonly Uint8Array[] {
  const request =
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n";
  const frame = Buffer.alloc(14 + 1 + frameBytes);
  frame.set([0x82, 0xff]);
  frame.writeBigUInt64BE(BigInt(1 + frameBytes), 2);
  const mask = [0x37, 0xfa, 0x21, 0x3d] as const;
  frame.set(mask, 10);
  for (let at = 0; at <= frameBytes; at++) frame[14 + at] = (at === 0 ? stdinChannel : 0) ^ (mask[at % 4] ?? 0);
  const endOfInput = Uint8Array.of(0x82, 0x82, 0, 0, 0, 0, 255, stdinChannel);
  return [Buffer.from(request), new Uint8Array(), frame, wants.stdin ? endOfInput : new Uint8Array()];
}

function littleEndian(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
