import type { Duplex } from "node:stream";
import { Code, ConnectError } from "@connectrpc/connect";

/** Flags and length before each message (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const prefixBytes = 5;
const compressedFlag = 1;

/**
 * The bytes of the one message that a unary call's body is, once the body has ended.
 *
 * A message over `maxBytes` is refused as soon as its length is known, before it has arrived.
 *
 * @throws {ConnectError} resource-exhausted (too long), invalid-argument (cut short), unimplemented (none, or more than one),
 * internal (compressed), canceled when the client leaves first.
 */
export function readSingleMessage(stream: Duplex, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size < prefixBytes) return;
      const refusal = refusalOf(prefixOf(chunks), size, maxBytes);
      if (refusal !== undefined) end(() => reject(refusal));
    };
    const finish = (): void =>
      end(() => {
        const body = joined(chunks);
        const refusal = incompleteness(body);
        if (refusal === undefined) resolve(body.subarray(prefixBytes));
        else reject(refusal);
      });
    const leave = (): void =>
      end(() => reject(new ConnectError("the client left before its request was whole", Code.Canceled)));
    const end = (settle: () => void): void => {
      stream.off("data", take);
      stream.off("end", finish);
      stream.off("close", leave);
      // What else comes is read and dropped: a stream that is not read would never end.
      stream.resume();
      settle();
    };
    stream.on("data", take);
    stream.on("end", finish);
    stream.on("close", leave);
  });
}

/** What stands before a message of this length. */
export function prefixOfMessage(length: number): Uint8Array {
  const prefix = new Uint8Array(prefixBytes);
  new DataView(prefix.buffer).setUint32(1, length);
  return prefix;
}

/** The message, given in pieces, behind its prefix. */
export function withPrefix(...pieces: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([prefixOfMessage(totalBytes(pieces)), ...pieces]);
}

export function totalBytes(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** The usual body is one chunk: it is not copied. */
function joined(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
}

/** Like `joined`, of as much as the prefix needs: joining all of a large body at each of its chunks would be quadratic. */
function prefixOf(chunks: Buffer[]): Buffer {
  const [first] = chunks;
  if (first !== undefined && first.byteLength >= prefixBytes) return first;
  const start = Buffer.concat(chunks);
  chunks.splice(0, chunks.length, start);
  return start;
}

function refusalOf(prefix: Buffer, size: number, maxBytes: number): ConnectError | undefined {
  const length = prefix.readUInt32BE(1);
  if (length > maxBytes) {
    return new ConnectError(`message of ${length} bytes is over the limit of ${maxBytes}`, Code.ResourceExhausted);
  }
  if (((prefix[0] ?? 0) & compressedFlag) !== 0) {
    return new ConnectError("message is compressed, and the request names no compression", Code.Internal);
  }
  if (size > prefixBytes + length)
    return new ConnectError("more than one message for a unary call", Code.Unimplemented);
  return undefined;
}

function incompleteness(body: Buffer): ConnectError | undefined {
  if (body.byteLength === 0) return new ConnectError("no message for a unary call", Code.Unimplemented);
  if (body.byteLength >= prefixBytes && body.byteLength === prefixBytes + body.readUInt32BE(1)) return undefined;
  return new ConnectError("message is cut short", Code.InvalidArgument);
}
