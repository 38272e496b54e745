import { encodeHeaderBlock } from "../../../src/streaming/spdy/header-block.ts";
import { controlFrame, dataFrame, numbers, SpdyPeer } from "../../fixtures/spdy-peer.ts";
import type { FuzzTarget } from "../fuzz-target.ts";
import { WatchedStream } from "./watched-stream.ts";

/** Anything at all as the bytes of a SPDY client; the first byte is the size of the pieces they arrive in. */
export function spdyBytes(): FuzzTarget {
  return {
    name: "spdy-bytes",
    maxInputBytes: 8192,
    maxInputMs: 250,
    examples: () => [session()],
    tokens: [
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((type) => Uint8Array.of(0x80, 3, 0, type, 0, 0, 0, 8)),
      numbers(1),
      numbers(3),
      Uint8Array.of(0, 0, 0, 0xff, 0xff),
    ],
    run(input) {
      const streams: WatchedStream[] = [];
      const peer = new SpdyPeer({}, (stream) => {
        const watched = new WatchedStream(stream);
        watched.abandoned = true;
        streams.push(watched);
        if (stream.headers.get("kind") === "refused") stream.refuse();
        else stream.reply([...stream.headers]);
      });
      const size = 1 + (input[0] ?? 0) * 4;
      for (let at = 1; at < input.length; at += size) peer.send(input.subarray(at, at + size));
      const sent = peer.takeFrames();
      peer[Symbol.dispose]();
      for (const stream of streams) stream.checkOrder();
      const words = [...sent, ...peer.closed, ...streams.map((watched) => watched.shape)];
      const shapes = words.map((word) => word.replaceAll(/\d+/g, "n").replace(/(reply n).*/, "$1"));
      return [...new Set(shapes)].sort().join() || "silence";
    },
  };
}

/** An exec as a client would send it. */
function session(): Uint8Array {
  const peer = new SpdyPeer();
  const synStream = (id: number, name: string): Uint8Array => {
    const block = peer.compress(encodeHeaderBlock([["streamtype", name]]));
    return controlFrame(1, Buffer.concat([numbers(id, 0), Uint8Array.of(0, 0), block]));
  };
  return Buffer.concat([
    Uint8Array.of(255),
    ...["error", "stdin", "stdout", "resize"].map((name, index) => synStream(index * 2 + 1, name)),
    dataFrame(3, "echo hello\n"),
    dataFrame(7, '{"Width":80,"Height":25}'),
    controlFrame(6, numbers(1)),
    controlFrame(4, numbers(1, 7, 65536)),
    controlFrame(9, numbers(3, 65536)),
    controlFrame(8, Buffer.concat([numbers(1), peer.compress(encodeHeaderBlock([["late", "1"]]))])),
    dataFrame(3, "", 1),
    controlFrame(3, numbers(5, 5)),
    controlFrame(7, numbers(0, 0)),
  ]);
}
