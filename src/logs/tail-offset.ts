import { readSync } from "node:fs";

const blockBytes = 64 * 1024;
const lineFeed = 0x0a;

/**
 * Where the last `lines` lines of an open file of `size` bytes begin, read backwards block by block. Counts lines of
 * the file, as the kubelet does: each piece of a line that the writer cut counts as one.
 */
export function tailOffset(fd: number, size: number, lines: number): number {
  if (lines === 0) return size;
  const block = Buffer.allocUnsafe(blockBytes);
  // The line feed that ends the file ends the last line; it does not begin another.
  let wanted = lines + 1;
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - blockBytes);
    const length = readSync(fd, block, 0, end - start, start);
    if (length === 0) return start;
    if (end === size && block[length - 1] !== lineFeed) wanted -= 1;
    for (let at = length - 1; at >= 0; at -= 1) {
      if (block[at] !== lineFeed) continue;
      wanted -= 1;
      if (wanted === 0) return start + at + 1;
    }
    end = start;
  }
  return 0;
}
