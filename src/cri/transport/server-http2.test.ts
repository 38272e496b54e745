import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type IncomingHttpHeaders } from "node:http2";
import net from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { startTestServer, type TestServer } from "../../../tests/fixtures/cri-server.ts";
import { fakeContainer, fakeSandbox } from "../../../tests/fixtures/fake-records.ts";
import {
  FrameFlag,
  FrameType,
  frame,
  grpcHeaders,
  grpcMessage,
  headerBlock,
  RawHttp2Client,
} from "../../../tests/fixtures/http2-client.ts";
import { waitUntil } from "../../../tests/harness/wait-until.ts";
import { VersionResponseSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { UnixNanos } from "../../ids/units.ts";

/** What docs/decisions/0012-http2-limits.md says about Bun 1.4.5, held by tests: a newer Bun has to keep it. */

const versionPath = "/runtime.v1.RuntimeService/Version";
const empty = new Uint8Array();

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function withClient(use: (client: RawHttp2Client) => Promise<void>): Promise<void> {
  const client = await RawHttp2Client.connect(server.path);
  try {
    await use(client);
  } finally {
    client.destroy();
  }
}

async function expectServed(
  client: RawHttp2Client,
  streamId: number,
  authority: string | undefined = "localhost",
): Promise<void> {
  await client.request(streamId, versionPath, authority, empty);
  expect(fromBinary(VersionResponseSchema, await client.reply(streamId)).runtimeName).toBe("crib");
}

/** The daemon answers others, and soon, whatever happened to a hostile connection. */
async function expectAlive(): Promise<void> {
  const startMs = performance.now();
  expect((await server.runtime.version({})).runtimeName).toBe("crib");
  expect(performance.now() - startMs).toBeLessThan(1000);
}

describe("authority", () => {
  test.each(["localhost", "%2Frun%2Fcrib%2Fcrib.sock", "localhost:80:80", "unused.example:443"])(
    "%p is served: gRPC clients of unix sockets send what they like",
    (authority) => withClient((client) => expectServed(client, 1, authority)),
  );

  test.each(["/run/crib/crib.sock", "unix:///run/crib/crib.sock", "", "a b"])(
    "%p is reset by Bun before our code; the connection and the daemon live on",
    (authority) =>
      withClient(async (client) => {
        await client.request(1, versionPath, authority, empty);
        const answer = await client.waitFor(({ streamId }) => streamId === 1);
        expect(answer.type).toBe(FrameType.rstStream);
        await expectServed(client, 3);
        await expectAlive();
      }),
  );
});

describe("requests that are none", () => {
  /** All there is of an answer: frames of one stream but RST_STREAM, which only says that no more of the request is wanted. */
  async function answerOf(client: RawHttp2Client, streamId: number) {
    await client.waitFor((one) => one.streamId === streamId && (one.flags & FrameFlag.endStream) !== 0);
    return client.frames.filter((one) => one.streamId === streamId && one.type !== FrameType.rstStream);
  }

  test.each([
    [
      "an unknown method",
      "/runtime.v1.RuntimeService/Nope",
      "unknown method Nope for service runtime.v1.RuntimeService",
    ],
    [
      "an unknown service",
      "/runtime.v9.RuntimeService/Version",
      "unknown method Version for service runtime.v9.RuntimeService",
    ],
    ["the old API", "/runtime.v1alpha2.ImageService/ListImages", "unknown method ListImages"],
    ["no method at all", "/", "malformed method name"],
  ])("%s is one header frame that ends the stream (gRPC-Go said Internal)", (_name, path, message) =>
    withClient(async (client) => {
      await client.request(1, path, "localhost", empty);
      const frames = await answerOf(client, 1);
      expect(frames.map(({ type }) => type)).toEqual([FrameType.headers]);
      await expectServed(client, 3);
      const { "grpc-status": status, "grpc-message": text } = await ask("POST", path, "application/grpc");
      expect([Number(status), text]).toEqual([Code.Unimplemented, expect.stringContaining(message)]);
    }),
  );

  /** The answer's headers, once its stream has ended. */
  async function ask(method: string, path: string, type: string): Promise<IncomingHttpHeaders> {
    const session = connect("http://localhost", { createConnection: () => net.connect(server.path) });
    try {
      const request = session.request({ ":method": method, ":path": path, "content-type": type });
      if (method === "POST") request.end(grpcMessage(empty));
      request.resume();
      return await new Promise<IncomingHttpHeaders>((resolve, reject) => {
        let answered: IncomingHttpHeaders = {};
        request.on("response", (headers) => (answered = headers));
        request.on("end", () => resolve(answered));
        request.on("error", reject);
      });
    } finally {
      session.destroy();
    }
  }

  test.each([
    ["GET", "application/grpc", "/x/Y", 405],
    ["POST", "text/html", "/x/Y", 415],
    ["POST", "application/json", "/x/Y", 415],
    ["POST", "application/grpc-web", "/x/Y", 415],
    ["GET", "application/grpc", versionPath, 405],
    ["POST", "text/html", versionPath, 415],
  ])("%s of %s to %s is answered with HTTP status %d, and the stream ends", async (method, type, path, status) => {
    expect(Number((await ask(method, path, type))[":status"])).toBe(status);
    await expectAlive();
  });

  test("bytes that are no message, cut frames and a body without end", () =>
    withClient(async (client) => {
      await client.request(1, versionPath, "localhost", Buffer.from("ffffffffff", "hex"));
      const cut = Buffer.from([0, 0, 0, 0, 99, 1]);
      await client.write(
        frame(FrameType.headers, FrameFlag.endHeaders, 3, headerBlock(grpcHeaders(versionPath, "localhost"))),
      );
      await client.write(frame(FrameType.data, FrameFlag.endStream, 3, cut));
      for (const id of [1, 3]) {
        await client.waitFor(
          ({ streamId, flags, type }) => streamId === id && type === FrameType.headers && (flags & 1) === 1,
        );
      }
      await expectServed(client, 5);
    }));

  test("a message over 16 MiB is refused before it is decoded", async () => {
    const names = Array.from({ length: 17 }, () => "x".repeat(1024 * 1024));
    const error = await server.runtime.execSync({ containerId: "x", cmd: names }).then(
      () => undefined,
      (thrown: unknown) => ConnectError.from(thrown),
    );
    expect(error?.code).toBe(Code.ResourceExhausted);
    await expectAlive();
  });

  test("HTTP/1, garbage and an abrupt end do nothing to the daemon", async () => {
    await withClient(async (client) => {
      await client.write(Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100)));
      await client.waitClosed();
    });
    await withClient(async (client) => {
      await client.request(1, versionPath, "localhost", empty);
    });
    await expectAlive();
  });
});

describe("floods end the connection that makes them", () => {
  const headers = headerBlock(grpcHeaders(versionPath, "localhost"));
  const cancel = Buffer.from([0, 0, 0, 8]);

  async function flood(client: RawHttp2Client, chunks: Iterable<Uint8Array>): Promise<void> {
    for (const chunk of chunks) {
      if (client.closed) return;
      await client.write(chunk);
    }
  }

  function* repeated(one: Uint8Array, times: number): Generator<Uint8Array> {
    const thousand = Buffer.concat(Array<Uint8Array>(1000).fill(one));
    for (let sent = 0; sent < times; sent += 1000) yield thousand;
  }

  function* rapidResets(pairs: number): Generator<Uint8Array> {
    for (let first = 0; first < pairs; first += 100) {
      const parts: Uint8Array[] = [];
      for (let i = first; i < first + 100; i += 1) {
        parts.push(
          frame(FrameType.headers, FrameFlag.endHeaders, i * 2 + 1, headers),
          frame(FrameType.rstStream, 0, i * 2 + 1, cancel),
        );
      }
      yield Buffer.concat(parts);
    }
  }

  test("rapid reset (CVE-2023-44487): few of the requests are looked at", () =>
    withClient(async (client) => {
      const before = server.logged.length;
      await flood(client, rapidResets(20_000));
      await client.waitClosed();
      expect(server.logged.length - before).toBeLessThan(5000);
      await expectAlive();
    }));

  test.each([
    ["PING", frame(FrameType.ping, 0, 0, new Uint8Array(8))],
    ["SETTINGS", frame(FrameType.settings, 0, 0)],
  ])("200,000 %s frames", (_name, one) =>
    withClient(async (client) => {
      await flood(client, repeated(one, 200_000));
      await client.waitClosed();
      await expectAlive();
    }),
  );

  test("200,000 empty DATA frames", () =>
    withClient(async (client) => {
      await client.write(frame(FrameType.headers, FrameFlag.endHeaders, 1, headers));
      await flood(client, repeated(frame(FrameType.data, 0, 1), 200_000));
      await client.waitClosed();
      await expectAlive();
    }));

  test("a header block without end", () =>
    withClient(async (client) => {
      await client.write(frame(FrameType.headers, 0, 1, headers));
      await flood(
        client,
        repeated(frame(FrameType.continuation, 0, 1, headerBlock([["x-a", "y".repeat(100)]])), 10_000),
      );
      await client.waitClosed();
      await expectAlive();
    }));

  test("a header list over 64 KiB (oven-sh/bun#33643 crashed the process)", () =>
    withClient(async (client) => {
      const block = headerBlock([
        ...grpcHeaders(versionPath, "localhost"),
        ...Array.from({ length: 24 }, (_, index) => [`x-${index}`, "v".repeat(3072)] as const),
      ]);
      for (let offset = 0; offset < block.length; offset += 16_384) {
        const last = offset + 16_384 >= block.length;
        const type = offset === 0 ? FrameType.headers : FrameType.continuation;
        await client.write(frame(type, last ? FrameFlag.endHeaders : 0, 1, block.subarray(offset, offset + 16_384)));
      }
      await client.waitClosed();
      await expectAlive();
    }));

  test("more streams at once than allowed are refused, one by one", () =>
    withClient(async (client) => {
      const parts: Uint8Array[] = [];
      for (let i = 0; i < 2100; i += 1) parts.push(frame(FrameType.headers, FrameFlag.endHeaders, i * 2 + 1, headers));
      await client.write(Buffer.concat(parts));
      const refused = await client.waitFor(({ type }) => type === FrameType.rstStream);
      expect(refused.payload.at(3)).toBe(7);
      expect(refused.streamId).toBeGreaterThan(2048 * 2);
      await expectAlive();
    }));
});

describe("floods that Bun ignores cost others nothing", () => {
  const headers = headerBlock(grpcHeaders(versionPath, "localhost"));
  test.each([
    ["PRIORITY", 1, frame(FrameType.priority, 0, 1, new Uint8Array(5)), false],
    ["unknown", 1, frame(99, 0, 0, new Uint8Array(5)), false],
    ["empty CONTINUATION", 1, frame(FrameType.continuation, 0, 1), true],
  ])("a million %s frames: another client waits no longer than 1 s, memory stays", (_name, _id, one, afterHeaders) =>
    withClient(async (client) => {
      const rssBefore = process.memoryUsage.rss();
      if (afterHeaders) await client.write(frame(FrameType.headers, 0, 1, headers));
      const many = Buffer.concat(Array<Uint8Array>(10_000).fill(one));
      for (let sent = 0; sent < 100 && !client.closed; sent += 1) {
        await client.write(many);
        if (sent % 10 === 0) await expectAlive();
      }
      expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(64 * 1024 * 1024);
    }),
  );
});

test("maxSessionMemory: 100 large replies at once on one connection all arrive", async () => {
  const sandbox = fakeSandbox();
  for (let i = 0; i < 1800; i += 1) server.pods.containerRecords.push(fakeContainer(sandbox));
  const client = server.runtimeClient();
  const replies = await Promise.all(Array.from({ length: 100 }, () => client.listContainers({})));
  server.pods.containerRecords.length = 0;
  expect(replies.every(({ containers }) => containers.length === 1800)).toBe(true);
}, 60_000);

test("a reply far larger than a flow-control window arrives whole", async () => {
  const container = fakeContainer(fakeSandbox());
  const big = new Uint8Array(12 * 1024 * 1024).fill(65);
  server.pods.containerRecords.push(container);
  const { execSync } = server.pods;
  server.pods.execSync = async () => ({ stdout: big, stderr: new Uint8Array(), exitCode: 0 });
  const reply = await server.runtime.execSync({ containerId: container.id, cmd: ["x"] });
  server.pods.execSync = execSync;
  expect(reply.stdout.length).toBe(big.length);
});

test("close() does not wait for streams whose clients are gone", async () => {
  await using own = await startTestServer();
  for (let i = 0; i < 20; i += 1) {
    const client = await RawHttp2Client.connect(own.path);
    const events = headerBlock(grpcHeaders("/runtime.v1.RuntimeService/GetContainerEvents", "localhost"));
    await client.write(frame(FrameType.headers, FrameFlag.endHeaders, 1, events));
    await client.write(frame(FrameType.data, FrameFlag.endStream, 1, Buffer.alloc(5)));
    await client.request(3, versionPath, "localhost", empty);
    if (i % 2 === 0) await client.reply(3);
    client.destroy();
  }
  await own.runtime.version({});
  const startMs = performance.now();
  await own.close(10_000);
  expect(performance.now() - startMs).toBeLessThan(2000);
  expect(own.pods.subscribers).toBe(0);
});

test("a client that does not read its events is let go, without memory held for it or another's events lost", async () => {
  await using own = await startTestServer();
  const dead = await RawHttp2Client.connect(own.path);
  await dead.request(1, "/runtime.v1.RuntimeService/GetContainerEvents", "localhost", empty);
  const controller = new AbortController();
  const live = own.runtime.getContainerEvents({}, { signal: controller.signal })[Symbol.asyncIterator]();
  const first = live.next();
  await waitUntil(() => own.pods.subscribers === 2, { what: "both subscriptions" });
  const sandbox = fakeSandbox();
  const containers = [fakeContainer(sandbox)];
  const count = 12_000;
  let seen = 0;
  const reading = (async () => {
    for (let next = await first; next.done !== true; next = await live.next()) {
      expect(next.value.createdAt).toBe(BigInt(seen));
      if (++seen === count) return;
    }
  })();
  let mostHeld = 0;
  for (let i = 0; i < count; i += 1) {
    const createdAtNs = BigInt(i) as UnixNanos;
    own.pods.emit({
      type: "started",
      containerId: sandbox.id,
      createdAtNs,
      sandbox,
      containers,
    });
    mostHeld = Math.max(mostHeld, own.pods.heldEvents);
    if (i % 100 === 99) await waitUntil(() => seen > i - 200, { what: "the live reader keeps up" });
  }
  await reading;
  expect(seen).toBe(count);
  expect(mostHeld).toBeGreaterThan(2000);
  await waitUntil(() => own.pods.heldEvents === 0, { what: "nothing is held for the dead reader" });
  controller.abort();
  dead.destroy();
  await waitUntil(() => own.pods.subscribers === 0, { what: "both subscriptions have ended" });
}, 60_000);
