import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { type BuiltImage, buildImage, compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { headOf, RawRegistry, send } from "../fixtures/raw-registry.ts";
import { type OpenedImages, openImages } from "../harness/image-service.ts";
import { layerHelpers } from "../harness/layer-helpers.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { openWorkspace, type Workspace } from "../harness/workspace.ts";

// Needs root: layers are unpacked with their owners. Blobs over plain HTTP, whose connections a process of its own reads.
let workspace: Workspace;
let server: RawRegistry;
let service: OpenedImages;

const content = new Uint8Array(600_000);
for (let at = 0; at < content.length; at += 60_000) crypto.getRandomValues(content.subarray(at, at + 60_000));
const image: BuiltImage = buildImage([compressLayer(new LayerBuilder().file("file", content).build())], {});
const layer = image.blobs[0] ?? image.manifest;
const half = 300_000;

const whole = headOf(layer.bytes.length, 0);
let host: string;
const pull = (signal?: AbortSignal) => service.pull(`${host}/r:1`, signal === undefined ? {} : { signal });
const helpers = (): readonly number[] => layerHelpers(workspace.path);

beforeEach(async () => {
  workspace = openWorkspace("direct");
  mkdirSync(join(workspace.path, "hosts"), { recursive: true });
  server = new RawRegistry(image, layer.digest);
  host = await server.listen();
  service = await openImages(workspace.path, { stallTimeoutMs: 700 });
});

afterEach(() => {
  service[Symbol.dispose]();
  server[Symbol.dispose]();
  workspace.remove();
});

describe("a blob that another process receives", () => {
  test("is asked for once, and is whole", async () => {
    await pull();
    expect(server.layerRequests).toEqual([{ path: `/v2/r/blobs/${layer.digest}`, range: undefined }]);
    expect(statSync(join(workspace.path, "root/content", layer.digest.replace(":", "/"))).size).toBe(
      layer.bytes.length,
    );
    await waitUntil(() => helpers().length === 0, { what: "no receiver is left" });
  });

  const breaks: readonly (readonly [string, (socket: Socket) => void])[] = [
    ["ends early", (socket) => socket.end()],
    ["is reset", (socket) => socket.resetAndDestroy()],
    ["falls silent", () => undefined],
  ];
  test.each(breaks)("goes on where it was when its connection %s", async (_name, breakOff) => {
    server.answer = (socket, _asked, times) => {
      if (times > 1) return false;
      send(socket, whole, layer.bytes.subarray(0, half));
      // The bytes first: a reset takes what was not read yet with it.
      setTimeout(() => breakOff(socket), 300);
      return true;
    };
    await pull();
    expect(server.layerRequests.map(({ range }) => range)).toEqual([undefined, half]);
  });

  test("is read from its start where the server sends it all again", async () => {
    server.answer = (socket, asked, times) => {
      if (times > 1 && asked.range === undefined) return false;
      send(socket, whole, times === 1 ? layer.bytes.subarray(0, half) : layer.bytes);
      socket.end();
      return true;
    };
    await pull();
    expect(server.layerRequests.length).toBe(2);
  });

  const others: readonly (readonly [string, string, Uint8Array])[] = [
    ["no length", "HTTP/1.1 200 OK\r\nconnection: close", layer.bytes],
    ["chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked", chunked(layer.bytes)],
    ["an encoding", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip", Bun.gzipSync(new Uint8Array(layer.bytes))],
  ];
  test.each(others)("comes the general way with %s, and is asked for directly no more", async (_name, head, body) => {
    server.answer = (socket) => {
      send(socket, head, body);
      socket.end();
      return true;
    };
    await pull();
    expect(server.layerRequests.length).toBe(2);
    await service.images.remove(`${host}/r:1`);
    await pull();
    expect(server.layerRequests.length).toBe(3);
  });

  test("is given up when it drips, in the words of every stall", async () => {
    server.answer = (socket) => {
      send(socket, whole, layer.bytes.subarray(0, 10));
      const timer = setInterval(() => socket.write("x"), 50);
      socket.on("close", () => clearInterval(timer));
      return true;
    };
    const { code, message } = await service.refusal(`${host}/r:1`);
    expect(code).toBe("unavailable");
    expect(message).toMatch(/sent \d+ bytes in \d+ ms, less than 1024 a second/);
  });

  test("with wrong bytes is data loss, and nothing of it stays", async () => {
    server.answer = (socket) => {
      send(socket, whole, layer.bytes.with(1000, (layer.bytes[1000] ?? 0) ^ 1));
      socket.end();
      return true;
    };
    expect((await service.refusal(`${host}/r:1`)).code).toBe("data-loss");
    expect(readdirSync(join(workspace.path, "root/content/ingest"))).toEqual([]);
  });

  test("has no writer any more once its pull was cancelled", async () => {
    server.answer = (socket) => {
      send(socket, whole, layer.bytes.subarray(0, half));
      return true;
    };
    const abort = new AbortController();
    const pulling = pull(abort.signal);
    const ingest = join(workspace.path, "root/content/ingest", layer.digest.replace(":", "-"));
    await waitUntil(() => statSync(ingest, { throwIfNoEntry: false })?.size === half, { what: "half of it is there" });
    abort.abort();
    await expect(pulling).rejects.toThrow("cancelled");
    await waitUntil(() => helpers().length === 0, { what: "no receiver is left" });
    server.answer = () => false;
    await pull();
    expect(server.layerRequests.at(-1)?.range).toBe(half);
  });
});

function chunked(bytes: Uint8Array): Uint8Array {
  const size = Buffer.from(`${bytes.length.toString(16)}\r\n`);
  return Buffer.concat([size, bytes, Buffer.from("\r\n0\r\n\r\n")]);
}
