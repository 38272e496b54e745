import { ChannelReader } from "../../../src/streaming/websocket/channel-reader.ts";
import { parseClosePayload } from "../../../src/streaming/websocket/close-payload.ts";
import { FrameReader } from "../../../src/streaming/websocket/frame-reader.ts";
import { remoteCommandProtocols } from "../../../src/streaming/websocket/subprotocols.ts";
import type { FuzzTarget } from "../fuzz-target.ts";

const protocols = [...remoteCommandProtocols.values()];
const NOT_UTF8 = "violation text is not UTF-8";
const limits = { maxFrameBytes: 4096, maxMessageBytes: 6000 };
const ascii = (text: string): number[] => [...Buffer.from(text)];
/** A client's frame; the mask is zero, so that mutations of the payload mean what they look like. */
const frame = (opcode: number, payload: readonly number[]): number[] => [
  opcode,
  0x80 | payload.length,
  0,
  0,
  0,
  0,
  ...payload,
];

/**
 * What a WebSocket client sends, down to the channels of the k8s protocols. The first byte chooses the protocol, the second
 * the size of the pieces it arrives in, which must not matter.
 */
export function websocket(): FuzzTarget {
  return {
    name: "websocket",
    maxInputBytes: 9000,
    maxInputMs: 250,
    examples: () => [
      Uint8Array.from([
        0,
        3,
        ...frame(0x82, [0, ...ascii("hello")]),
        ...frame(0x82, [255, 0]),
        ...frame(0x88, [3, 232]),
      ]),
      Uint8Array.from([2, 9, ...frame(0x81, ascii("0aGVsbG8=")), ...frame(0x89, [1, 2]), ...frame(0x8a, [])]),
      Uint8Array.from([1, 1, ...frame(0x02, [0, 1]), ...frame(0x00, [2]), ...frame(0x80, [3]), ...frame(0x88, [])]),
      Uint8Array.from([1, 1, 0x82, 0xfe, 1, 0, 1, 2, 3, 4, ...new Uint8Array(256)]),
    ],
    tokens: [
      Uint8Array.of(0x82, 0x81, 0, 0, 0, 0, 255),
      Uint8Array.of(0x82, 0xfe, 0, 126, 9, 9, 9, 9),
      Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1),
      Uint8Array.of(0x80, 0x80, 0, 0, 0, 0),
      Uint8Array.of(0xf0, 0x9f, 0x92, 0xa9),
    ],
    run(input) {
      const bytes = input.subarray(2);
      const protocol = input[0] ?? 0;
      const whole = readInPieces(protocol, bytes, bytes.length || 1);
      const pieces = readInPieces(protocol, bytes, 1 + (input[1] ?? 0));
      // How much of a broken text was passed on before it was found out is left to how it arrived.
      const brokenText = whole.at(-1) === NOT_UTF8 && pieces.at(-1) === NOT_UTF8;
      if (!brokenText && !Bun.deepEquals(whole, pieces))
        throw new Error(`in pieces ${pieces.join(" ")}, at once ${whole.join(" ")}`);
      const words = whole.map((word) => word.replace(/(\d+): .*/, "data"));
      return `${protocol % protocols.length}: ${[...new Set(words)].sort().join()}`;
    },
  };
}

/** What was heard, in order; data of one channel in one piece. */
function readInPieces(choice: number, bytes: Uint8Array, size: number): string[] {
  const heard: string[] = [];
  const violation = (_: number, reason: string): void => {
    heard.push(`violation ${reason}`);
    reader.stop();
  };
  const protocol = protocols[choice % protocols.length];
  if (protocol === undefined) throw new Error("no protocol");
  const channels = new ChannelReader(protocol, {
    onChannelData(channel, data) {
      if (data.length === 0) throw new Error("data of no bytes");
      const text = Buffer.from(data).toString("hex");
      if (heard.at(-1)?.startsWith(`${channel}: `)) heard.push(heard.pop() + text);
      else heard.push(`${channel}: ${text}`);
    },
    onChannelClose: (channel) => heard.push(`close ${channel}`),
    onViolation: violation,
  });
  const reader = new FrameReader(
    {
      onMessageStart: (opcode) => channels.onMessageStart(opcode),
      onPiece: (piece) => channels.onPiece(piece),
      onMessageEnd: () => channels.onMessageEnd(),
      onControl(opcode, payload) {
        heard.push(`control ${opcode}`);
        if (opcode === 8) heard.push("violation" in parseClosePayload(payload) ? "bad close" : "good close");
      },
      onViolation: violation,
    },
    limits,
  );
  for (let at = 0; at < bytes.length; at += size) reader.read(new Uint8Array(bytes.subarray(at, at + size)));
  return heard;
}
