import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { type BuiltImage, buildImage, compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { type OpenedImages, openImages } from "../harness/image-service.ts";
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

interface Asked {
  readonly path: string;
  readonly range: number | undefined;
}

/** A registry of raw sockets: an answer is what a test writes, to the byte. */
class RawRegistry {
  readonly asked: Asked[] = [];
  /** @returns whether it has answered. */
  answer: (socket: Socket, asked: Asked, times: number) => boolean = () => false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => this.#request(socket, bytes.toString("latin1")));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the registry has no port");
    return `127.0.0.1:${address.port}`;
  }

  get blobRequests(): readonly Asked[] {
    return this.asked.filter(({ path }) => path.endsWith(layer.digest));
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #request(socket: Socket, text: string): void {
    const path = text.split(" ", 2)[1] ?? "";
    const range = /^range: bytes=(\d+)-/im.exec(text)?.[1];
    const asked = { path, range: range === undefined ? undefined : Number(range) };
    this.asked.push(asked);
    if (path.endsWith(layer.digest) && this.answer(socket, asked, this.blobRequests.length)) return;
    const blob = [image.manifest, ...image.blobs].find(({ digest }) => path.endsWith(digest)) ?? image.manifest;
    const isManifest = path.includes("/manifests/");
    const type = isManifest ? image.mediaType : "application/octet-stream";
    const from = asked.range ?? 0;
    const size = blob.bytes.length;
    const status = from > 0 ? `206 Partial\r\ncontent-range: bytes ${from}-${size - 1}/${size}` : "200 OK";
    send(
      socket,
      `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${size - from}`,
      blob.bytes.subarray(from),
    );
    socket.end();
  }
}

function send(socket: Socket, head: string, body: Uint8Array): void {
  socket.write(`${head}\r\n\r\n`);
  socket.write(body);
}

const whole = `HTTP/1.1 200 OK\r\ncontent-length: ${layer.bytes.length}`;
let host: string;
const pull = (signal?: AbortSignal) => service.pull(`${host}/r:1`, signal === undefined ? {} : { signal });
const helpers = (): string[] =>
  readdirSync("/proc").filter((pid) => {
    try {
      const line = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : "";
      return line.startsWith(`crib-layer\0receive\0${host.replace(":", "\0")}\0`);
    } catch {
      return false;
    }
  });

beforeEach(async () => {
  workspace = openWorkspace("direct");
  mkdirSync(join(workspace.path, "hosts"), { recursive: true });
  server = new RawRegistry();
  host = await server.listen();
  service = await openImages(workspace.path, { stallTimeoutMs: 700 });
});

afterEach(() => {
  service[Symbol.dispose]();
  server.close();
  workspace.remove();
});

describe("a blob that another process receives", () => {
  test("is asked for once, and is whole", async () => {
    await pull();
    expect(server.blobRequests).toEqual([{ path: `/v2/r/blobs/${layer.digest}`, range: undefined }]);
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
    expect(server.blobRequests.map(({ range }) => range)).toEqual([undefined, half]);
  });

  test("is read from its start where the server sends it all again", async () => {
    server.answer = (socket, asked, times) => {
      if (times > 1 && asked.range === undefined) return false;
      send(socket, whole, times === 1 ? layer.bytes.subarray(0, half) : layer.bytes);
      socket.end();
      return true;
    };
    await pull();
    expect(server.blobRequests.length).toBe(2);
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
    expect(server.blobRequests.length).toBe(2);
    await service.images.remove(`${host}/r:1`);
    await pull();
    expect(server.blobRequests.length).toBe(3);
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
    expect(server.blobRequests.at(-1)?.range).toBe(half);
  });
});

function chunked(bytes: Uint8Array): Uint8Array {
  const size = Buffer.from(`${bytes.length.toString(16)}\r\n`);
  return Buffer.concat([size, bytes, Buffer.from("\r\n0\r\n\r\n")]);
}
