import { checkRequest } from "../../../src/streaming/http/check-request.ts";
import { type HeadResult, RequestHeadReader } from "../../../src/streaming/http/request-head.ts";
import { shakeHands } from "../../../src/streaming/websocket/handshake.ts";
import { remoteCommandProtocols } from "../../../src/streaming/websocket/subprotocols.ts";
import type { FuzzTarget } from "../fuzz-target.ts";

const example = [
  "GET /exec/AAAAAAAAAAAAAAAAAAAAAA HTTP/1.1",
  "Host: 127.0.0.1:1234",
  "Connection: keep-alive, Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io",
  "",
  "\x82\x80",
].join("\r\n");
const tokens = [
  "\r\n",
  "\r\n\r\n",
  "\n",
  ": ",
  " HTTP/1.0",
  "POST",
  "SPDY/3.1",
  "Content-Length: 1",
  "Transfer-Encoding: chunked",
  "Origin: null",
  "X-Forwarded-For: ::1",
  "[::1]:80",
  "/portforward/",
];

/** A request head and all that is decided by it; the first byte is the size of the pieces it arrives in, which must not matter. */
export function httpUpgrade(): FuzzTarget {
  return {
    name: "http-upgrade",
    maxInputBytes: 12_000,
    maxInputMs: 250,
    examples: () => [
      Buffer.from(`\x05${example}`, "latin1"),
      Buffer.from("\x01GET / HTTP/1.1\r\nHost: x\r\n\r\n", "latin1"),
    ],
    tokens: tokens.map((token) => Buffer.from(token)),
    run(input) {
      const bytes = input.subarray(1);
      const whole = readInPieces(bytes, bytes.length || 1);
      const pieces = readInPieces(bytes, 1 + (input[0] ?? 0));
      if (!Bun.deepEquals(whole, pieces)) throw new Error(`in pieces it is ${pieces.kind}, at once ${whole.kind}`);
      return judge(whole);
    },
  };
}

function readInPieces(bytes: Uint8Array, size: number): HeadResult {
  const reader = new RequestHeadReader();
  for (let at = 0; at < bytes.length; at += size) {
    const result = reader.push(bytes.subarray(at, at + size));
    if (result.kind === "incomplete") continue;
    if (result.kind === "refused") return result;
    return { ...result, rest: new Uint8Array(Buffer.concat([result.rest, bytes.subarray(at + size)])) };
  }
  return { kind: "incomplete" };
}

function judge(result: HeadResult): string {
  if (result.kind === "incomplete") return "incomplete";
  if (result.kind === "refused") return result.reason;
  const checked = checkRequest(result.head, "127.0.0.1");
  if ("refusal" in checked) return checked.refusal.reason;
  if (checked.upgrade === "spdy") return "spdy";
  const hands = shakeHands(result.head, remoteCommandProtocols.keys());
  if ("refusal" in hands) return hands.refusal.reason;
  // What is answered is one head, whatever the request had in it.
  const answer = Buffer.from(hands.answer).toString("latin1");
  if (answer.indexOf("\r\n\r\n") !== answer.length - 4) throw new Error("the answer holds more than a head");
  return `websocket ${hands.protocol}`;
}
