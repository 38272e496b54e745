import { expect, test } from "bun:test";
import { ReplyFrames } from "./reply-frames.ts";

function frame(id: number, result: number, text: string): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(id, 0);
  head.writeInt32LE(result, 4);
  head.writeUInt32LE(text.length, 8);
  return Buffer.concat([head, Buffer.from(text)]);
}

const stream = Buffer.concat([frame(1, 0, ""), frame(2, -16, "why"), frame(3, 77, "x".repeat(7_000))]);

test.each([1, 5, 12, 13, 4096, stream.length])("replies that arrive %d bytes at a time are whole", (size) => {
  const frames = new ReplyFrames();
  const replies = [];
  const chunk = Buffer.alloc(size);
  for (let at = 0; at < stream.length; at += size) {
    const length = stream.copy(chunk, 0, at, at + size);
    replies.push(...frames.push(chunk.subarray(0, length)));
    // The socket's buffer is reused.
    chunk.fill(0xee);
  }
  expect(replies.map(({ id, result, bytes }) => [id, result, bytes.length])).toEqual([
    [1, 0, 0],
    [2, -16, 3],
    [3, 77, 7_000],
  ]);
  expect(Buffer.from(replies[1]?.bytes ?? []).toString()).toBe("why");
});
