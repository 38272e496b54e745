import { expect, test } from "bun:test";
import { PieceSplitter } from "./piece-splitter.ts";

const headerBytes = 6;
const mostBytes = 10_000;

function makeSplitter(): PieceSplitter {
  return new PieceSplitter(headerBytes, (header) => {
    const length = header.getUint32(2);
    if (length > mostBytes) throw new Error(`a piece of ${length} bytes`);
    return headerBytes + length;
  });
}

function piece(length: number, fill: number): Buffer {
  const bytes = Buffer.alloc(headerBytes + length, fill);
  bytes.writeUInt16BE(fill, 0);
  bytes.writeUInt32BE(length, 2);
  return bytes;
}

const pieces = [piece(0, 1), piece(3, 2), piece(mostBytes, 3), piece(1, 4), piece(0, 5)];
const stream = Buffer.concat(pieces);

test.each([1, 5, 6, 7, 4096, stream.length])("pieces that arrive %d bytes at a time are whole", (size) => {
  const splitter = makeSplitter();
  const seen: string[] = [];
  const chunk = Buffer.alloc(size);
  for (let at = 0; at < stream.length; at += size) {
    const length = stream.copy(chunk, 0, at, at + size);
    for (const whole of splitter.push(chunk.subarray(0, length))) seen.push(whole.toString("hex"));
    // A socket uses its buffer again.
    chunk.fill(0xee);
  }
  expect(seen).toEqual(pieces.map((each) => each.toString("hex")));
});

test("a length that is not allowed ends the stream behind the pieces before it", () => {
  const bad = piece(0, 9);
  bad.writeUInt32BE(mostBytes + 1, 2);
  const whole = makeSplitter().push(Buffer.concat([piece(3, 2), bad]));
  expect(whole.next().value?.length).toBe(headerBytes + 3);
  expect(() => whole.next()).toThrow(`a piece of ${mostBytes + 1} bytes`);
});
