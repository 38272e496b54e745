import { describe, expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import { Code, ConnectError } from "@connectrpc/connect";
import { readSingleMessage, withPrefix } from "./single-message.ts";

const limit = 100;

function body(...chunks: readonly Uint8Array[]): PassThrough {
  const stream = new PassThrough();
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  return stream;
}

async function refusal(stream: PassThrough): Promise<Code | undefined> {
  try {
    await readSingleMessage(stream, limit);
    return undefined;
  } catch (error) {
    return error instanceof ConnectError ? error.code : Code.Unknown;
  }
}

const message = new Uint8Array(90).map((_, index) => index);

describe("the message of a unary call", () => {
  test.each([1, 2, 4, 5, 6, 50, 95])("arrives whole in chunks of %p bytes", async (size) => {
    const bytes = withPrefix(message);
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    expect(new Uint8Array(await readSingleMessage(body(...chunks), limit))).toEqual(message);
  });

  test("may be empty", async () => {
    expect((await readSingleMessage(body(withPrefix(new Uint8Array(0))), limit)).length).toBe(0);
  });

  test.each([
    ["nothing", [], Code.Unimplemented],
    ["half a prefix", [new Uint8Array(3)], Code.InvalidArgument],
    ["less than its length", [withPrefix(message).subarray(0, 40)], Code.InvalidArgument],
    ["two messages", [withPrefix(message), withPrefix(message)], Code.Unimplemented],
    ["two messages in one chunk", [Buffer.concat([withPrefix(message), withPrefix(message)])], Code.Unimplemented],
    ["a compressed one", [Buffer.from([1, 0, 0, 0, 1, 7])], Code.Internal],
    ["one over the limit", [withPrefix(new Uint8Array(limit + 1))], Code.ResourceExhausted],
  ] as const)("is refused: %s", async (_, chunks, code) => {
    expect(await refusal(body(...chunks))).toBe(code);
  });

  test("over the limit is refused at its prefix, before it has arrived", async () => {
    const stream = new PassThrough();
    stream.write(Buffer.from([0, 0xff, 0xff, 0xff, 0xff]));
    expect(await refusal(stream)).toBe(Code.ResourceExhausted);
  });

  test("of a client that leaves is canceled", async () => {
    const stream = new PassThrough();
    stream.write(withPrefix(message).subarray(0, 20));
    const outcome = refusal(stream);
    stream.destroy();
    expect(await outcome).toBe(Code.Canceled);
  });
});
