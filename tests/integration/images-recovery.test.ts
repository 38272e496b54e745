import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { PullProgress } from "../../src/images/port.ts";
import {
  type ChaosRegistry,
  drippingReply,
  errorReply,
  stalledReply,
  startBreakingServer,
  startChaosRegistry,
  webPage,
} from "../fixtures/chaos-registry.ts";
import { type BuiltImage, buildImage, compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { type OpenedImages, openImages } from "../harness/image-service.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { openWorkspace, type Workspace } from "../harness/workspace.ts";

// Needs root: layers are unpacked with their owners.
let workspace: Workspace;
let registry: ChaosRegistry;
let other: ChaosRegistry;
let service: OpenedImages;

const secret = "s3cret-pa55word";
const credentials = { username: "user", password: secret };
const basic = `Basic ${Buffer.from(`user:${secret}`).toString("base64")}`;

const noise = (bytes: number): Uint8Array => {
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(content.subarray(at, at + 65536));
  return content;
};
const makeImage = (bytes: number): BuiltImage =>
  buildImage([compressLayer(new LayerBuilder().file("file", noise(bytes)).build())], {});
const layerOf = (image: BuiltImage) => image.blobs[0] ?? image.manifest;
const hostsToml = (host: string, text: string): void => {
  mkdirSync(join(workspace.path, "hosts", host), { recursive: true });
  writeFileSync(join(workspace.path, "hosts", host, "hosts.toml"), text);
};
/** `other` is the mirror of reg.example, `registry` the registry itself. */
const behindMirror = (more = ""): void =>
  hostsToml("reg.example", `server = "http://${registry.host}"\n${more}[host."http://${other.host}"]\n`);
const ingestFiles = (): string[] => readdirSync(join(workspace.path, "root/content/ingest"));
const authorizations = (of: ChaosRegistry): (string | null)[] =>
  of.requests.map(({ headers }) => headers.get("authorization"));

beforeEach(async () => {
  workspace = openWorkspace("recovery");
  registry = startChaosRegistry();
  other = startChaosRegistry();
  service = await openImages(workspace.path, { stallTimeoutMs: 600 });
});

afterEach(() => {
  for (const opened of [service, registry, other]) opened[Symbol.dispose]();
  workspace.remove();
});

describe("half a blob and a server without ranges", () => {
  // Streams of this server come in chunks: whoever takes bodies from the connection itself would ask for each twice.
  beforeEach(async () => {
    service[Symbol.dispose]();
    service = await openImages(workspace.path, { stallTimeoutMs: 600, httpProxy: true });
  });

  const faults: readonly (readonly [string, (bytes: Uint8Array) => Response])[] = [
    ["416", () => errorReply(416, "RANGE_INVALID")],
    ["400", () => errorReply(400, "BAD_REQUEST")],
    ["206 without Content-Range", (bytes) => new Response(bytes.subarray(900_000), { status: 206 })],
    [
      "206 from the start",
      (bytes) =>
        new Response(bytes, {
          status: 206,
          headers: { "content-range": `bytes 0-${bytes.length - 1}/${bytes.length}` },
        }),
    ],
    [
      "206 of another blob's length",
      (bytes) => new Response(bytes, { status: 206, headers: { "content-range": "bytes 900000-900009/900010" } }),
    ],
  ];
  test.each(faults)("%s: the blob is read from its start, and no range is asked for again", async (_name, fault) => {
    const ranges = async (): Promise<number> => {
      const image = makeImage(1_500_000);
      const layer = layerOf(image);
      const reference = registry.add("r", "1", image);
      let first = true;
      registry.forget();
      registry.intercept = ({ name, headers }) => {
        if (name !== layer.digest) return undefined;
        if (headers.has("range")) return fault(layer.bytes);
        if (!first) return new Response(layer.bytes);
        first = false;
        return stalledReply(layer.bytes, 900_000);
      };
      await service.pull(reference);
      return registry.requests.filter(({ headers }) => headers.has("range")).length;
    };
    expect(await ranges()).toBe(1);
    expect(await ranges()).toBe(0);
  });
});

describe("credentials where answers lead elsewhere", () => {
  test("a redirect's target that asks for a token gets an anonymous one of its own", async () => {
    const image = makeImage(1000);
    const layer = layerOf(image);
    const reference = registry.add("r", "1", image);
    registry.intercept = ({ name, headers }) => {
      if (headers.get("authorization") !== basic) return errorReply(401, "NO", { "www-authenticate": "Basic" });
      return name === layer.digest ? Response.redirect(`http://${other.host}/blob`, 307) : undefined;
    };
    other.intercept = ({ url, headers }) => {
      if (url.pathname === "/token") return Response.json({ token: "theirs" });
      if (headers.get("authorization") === "Bearer theirs") return new Response(layer.bytes);
      return errorReply(401, "WHO", { "www-authenticate": `Bearer realm="http://${other.host}/token",scope="x"` });
    };
    await service.pull(reference, { credentials });
    expect(authorizations(other)).toEqual([null, null, "Bearer theirs"]);
    expect(new Set(authorizations(registry))).toEqual(new Set([null, basic]));
  });

  test.each([301, 302, 303, 307, 308])(
    "a token endpoint's %d is followed with them on its own host",
    async (status) => {
      const image = makeImage(1000);
      registry.intercept = ({ url, headers }) => {
        if (url.pathname === "/token")
          return Response.redirect(`http://${registry.host}/token/?${url.searchParams}`, status);
        if (url.pathname === "/token/") {
          const good = headers.get("authorization") === basic && url.searchParams.get("scope") === "repository:r:pull";
          return Response.json({ token: good ? "good" : "bad" });
        }
        return headers.get("authorization") === "Bearer good"
          ? undefined
          : errorReply(401, "NO", { "www-authenticate": `Bearer realm="http://${registry.host}/token"` });
      };
      await service.pull(registry.add("r", "1", image), { credentials });
    },
  );

  test("and without them on any other, another port among them", async () => {
    registry.intercept = ({ url }) =>
      url.pathname === "/token"
        ? Response.redirect(`http://${other.host}/token`, 307)
        : errorReply(401, "NO", { "www-authenticate": `Bearer realm="http://${registry.host}/token"` });
    other.intercept = () => Response.json({ token: "x" });
    expect((await service.refusal(`${registry.host}/r:1`, { credentials })).code).toBe("unauthenticated");
    expect(authorizations(other)).toEqual([null]);
    other.forget();
    await service.refusal(`${registry.host}/r:1`, { credentials: { identityToken: secret } });
    expect(other.requests).toEqual([]);
  });

  test("a password goes by OAuth2's POST where a GET is not answered", async () => {
    registry.intercept = async ({ url, method, headers, text }) => {
      if (url.pathname === "/token") {
        if (method !== "POST") return errorReply(405, "METHOD");
        const form = new URLSearchParams(await text());
        const wanted = ["password", "user", secret, "repository:r:pull"];
        const got = ["grant_type", "username", "password", "scope"].map((name) => form.get(name));
        return Response.json({ access_token: Bun.deepEquals(got, wanted) ? "good" : "bad" });
      }
      return headers.get("authorization") === "Bearer good"
        ? undefined
        : errorReply(401, "NO", { "www-authenticate": `Bearer realm="http://${registry.host}/token"` });
    };
    await service.pull(registry.add("r", "1", makeImage(1000)), { credentials });
  });
});

describe("a server that drips", () => {
  test("a manifest is given up after the stall time", async () => {
    const image = makeImage(1000);
    const reference = registry.add("r", "1", image);
    registry.intercept = ({ kind }) =>
      kind === "manifests" ? drippingReply(image.manifest.bytes, 20, { "content-type": image.mediaType }) : undefined;
    const started = performance.now();
    expect(await service.refusal(reference)).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("less than 1024 a second"),
    });
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test("a blob is given up after some tries, and a mirror that is fast is asked next", async () => {
    const image = makeImage(100_000);
    const layer = layerOf(image);
    other.add("r", "1", image);
    registry.add("r", "1", image);
    behindMirror();
    other.intercept = ({ name }) => (name === layer.digest ? drippingReply(layer.bytes, 20) : undefined);
    await service.pull("reg.example/r:1");
    const alone = makeImage(100_000);
    const reference = other.add("alone", "1", alone);
    other.intercept = ({ name }) =>
      name === layerOf(alone).digest ? drippingReply(layerOf(alone).bytes, 20) : undefined;
    expect((await service.refusal(reference)).code).toBe("unavailable");
  });
});

describe("a web page in place of an answer", () => {
  test.each([
    ["a manifest", "manifests"],
    ["a blob", "blobs"],
  ])("from a mirror as %s: the registry is asked, nothing of it is kept", async (_name, kind) => {
    const image = makeImage(100_000);
    other.add("r", "1", image);
    registry.add("r", "1", image);
    behindMirror();
    for (const headers of [{}, { "content-type": "application/octet-stream" }, { "content-type": image.mediaType }]) {
      other.intercept = (request) => (request.kind === kind ? webPage(headers) : undefined);
      await service.pull("reg.example/r:1");
      for (const { id } of service.images.list()) await service.images.remove(id);
    }
    expect(ingestFiles()).toEqual([]);
  });

  test("with nobody else to ask: unavailable, and nothing of it is the blob's start", async () => {
    const image = makeImage(100_000);
    const reference = registry.add("r", "1", image);
    registry.intercept = ({ name }) =>
      name === layerOf(image).digest
        ? new Response(
            new ReadableStream({
              async pull(controller) {
                controller.enqueue(new TextEncoder().encode("<html>please sign in</html>"));
                controller.close();
              },
            }),
          )
        : undefined;
    expect((await service.refusal(reference)).code).toBe("data-loss");
    expect(ingestFiles()).toEqual([]);
    registry.intercept = ({ name }) => (name === layerOf(image).digest ? webPage() : undefined);
    expect((await service.refusal(reference)).code).toBe("unavailable");
    registry.intercept = () => undefined;
    await service.pull(reference);
  });
});

describe("content encoding nobody asked for", () => {
  const wrap = { gzip: gzipSync, zstd: zstdCompressSync } as const;
  test.each(["gzip", "zstd"] as const)("%s of manifest, config and layer is unwrapped", async (encoding) => {
    const image = makeImage(300_000);
    const reference = registry.add("r", "1", image);
    registry.intercept = ({ kind, name }) => {
      const headers = { "content-encoding": encoding, "content-type": image.mediaType };
      if (kind === "manifests") return new Response(wrap[encoding](image.manifest.bytes), { headers });
      return kind === "blobs" ? new Response(wrap[encoding](registry.blob(name)), { headers }) : undefined;
    };
    await service.pull(reference);
  });

  test("a blob that is a gzip file and is said to be one is left as it is", async () => {
    const image = makeImage(300_000);
    const reference = registry.add("r", "1", image);
    registry.intercept = ({ kind, name }) =>
      kind === "blobs" ? new Response(registry.blob(name), { headers: { "content-encoding": "gzip" } }) : undefined;
    await service.pull(reference);
  });

  test("one that breaks off is data loss or unavailable, one that is unknown is unavailable", async () => {
    const image = makeImage(300_000);
    const reference = registry.add("r", "1", image);
    const gzip = gzipSync(image.manifest.bytes);
    for (const [encoding, bytes] of [
      ["gzip", gzip.subarray(0, 100)],
      ["rot13", gzip],
    ] as const) {
      registry.intercept = ({ kind }) =>
        kind === "manifests" ? new Response(bytes, { headers: { "content-encoding": encoding } }) : undefined;
      expect(["data-loss", "unavailable"]).toContain((await service.refusal(reference)).code);
    }
  });
});

describe("hosts", () => {
  test("one that failed is asked last for a while, by other pulls too, and the pull says so", async () => {
    for (const name of ["a", "b"]) registry.add(name, "1", makeImage(1000));
    behindMirror();
    other.intercept = () => errorReply(503, "DOWN", { "retry-after": "0" });
    const seen: PullProgress[] = [];
    const onProgress = (progress: PullProgress): void => void seen.push(progress);
    await service.pull("reg.example/a:1", { onProgress });
    expect(other.requests.length).toBeGreaterThan(0);
    expect(other.requests.every(({ kind }) => kind === "manifests")).toBe(true);
    other.forget();
    await service.pull("reg.example/b:1", { onProgress });
    expect(other.requests).toEqual([]);
    const told = seen.filter((progress) => progress.kind === "host-failure");
    expect(told.map(({ origin }) => origin)).toEqual([`http://${other.host}`, `http://${other.host}`]);
    expect(told[0]?.why).toContain("503");
  });

  test("one that sends other bytes under a digest is asked last, too", async () => {
    const images = ["a", "b"].map((name) => {
      const image = makeImage(100_000);
      for (const at of [registry, other]) at.add(name, "1", image);
      return image;
    });
    behindMirror();
    const layers = images.map((image) => layerOf(image).digest);
    other.intercept = ({ name }) =>
      layers.includes(name) ? new Response(other.blob(name).with(5000, 1).with(5001, 2).with(5002, 3)) : undefined;
    for (const name of ["a", "b"]) await service.pull(`reg.example/${name}:1`);
    expect(layers.map((digest) => other.fetches(digest))).toEqual([1, 0]);
  });

  test("fallback = false: the registry itself is never asked", async () => {
    registry.add("r", "1", makeImage(1000));
    behindMirror("fallback = false\n");
    other.intercept = () => errorReply(404, "NAME_UNKNOWN");
    expect((await service.refusal("reg.example/r:1")).code).toBe("not-found");
    expect(registry.requests).toEqual([]);
    hostsToml("alone.example", "fallback = false\n");
    expect((await service.refusal("alone.example/r:1")).message).toContain("nobody to ask");
  });

  test("Retry-After may be a date", async () => {
    const reference = registry.add("r", "1", makeImage(1000));
    const until = Math.ceil(Date.now() / 1000) * 1000 + 2000;
    registry.intercept = ({ kind }) =>
      kind === "manifests" && Date.now() < until
        ? errorReply(503, "BUSY", { "retry-after": new Date(until).toUTCString() })
        : undefined;
    await service.pull(reference);
    expect(registry.requests.filter(({ kind }) => kind === "manifests")).toHaveLength(2);
  });

  test("a redirect to a file is refused and not asked for again", async () => {
    registry.intercept = () => new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } });
    expect(await service.refusal(`${registry.host}/r:1`)).toMatchObject({
      code: "failed-precondition",
      message: expect.stringContaining("file://"),
    });
    expect(registry.requests).toHaveLength(1);
  });

  test("a broken connection is told in words for people", async () => {
    using breaking = startBreakingServer(() => "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", noise(10));
    const { code, message } = await service.refusal(`${breaking.origin.slice("http://".length)}/r:1`);
    expect(code).toBe("unavailable");
    expect(message).not.toMatch(/verbose|fetch\(|url\?/);
  });
});

describe("what failed pulls leave", () => {
  const halfPull = async (name: string): Promise<string> => {
    const image = makeImage(1_000_000);
    const reference = registry.add(name, "1", image);
    registry.intercept = ({ name: asked }) =>
      asked === layerOf(image).digest ? stalledReply(layerOf(image).bytes, 600_000) : undefined;
    await service.refusal(reference);
    registry.intercept = () => undefined;
    return reference;
  };

  test("is listed, helps the next try, and is freed on request; what images and pulls use is not touched", async () => {
    const whole = await service.pull(registry.add("whole", "1", makeImage(1000)));
    const reference = await halfPull("half");
    const left = await service.images.leftovers();
    expect(left.find(({ kind }) => kind === "partial-blob")?.bytes).toBeGreaterThan(500_000);
    // The small documents of the image are whole already.
    expect(left.filter(({ kind }) => kind === "blob").length).toBeGreaterThan(0);
    expect(await service.images.removeLeftovers()).toEqual(left);
    expect([await service.images.leftovers(), ingestFiles()]).toEqual([[], []]);
    await service.pull(reference);
    expect(await service.images.leftovers()).toEqual([]);
    expect(service.images.list()).toHaveLength(2);
    service.images.acquireRootfs(whole.id, "c");
  });

  test("a running download is nobody's leftover", async () => {
    const image = makeImage(1_000_000);
    const layer = layerOf(image);
    const reference = registry.add("r", "1", image);
    const rest = Promise.withResolvers<void>();
    registry.intercept = ({ name }) =>
      name === layer.digest
        ? new Response(
            new ReadableStream({
              async start(controller) {
                controller.enqueue(layer.bytes.subarray(0, 600_000));
                await rest.promise;
                controller.enqueue(layer.bytes.subarray(600_000));
                controller.close();
              },
            }),
            { headers: { "content-length": String(layer.bytes.length) } },
          )
        : undefined;
    service[Symbol.dispose]();
    service = await openImages(workspace.path, { stallTimeoutMs: 20_000 });
    const pulling = service.pull(reference);
    await waitUntil(() => ingestFiles().length > 0, { what: "the download has begun" });
    expect(await service.images.removeLeftovers()).toEqual([]);
    rest.resolve();
    await pulling;
  });
});

test("each pull is told at its start and its end: who, what, from where, how much", async () => {
  const image = makeImage(1000);
  const reference = registry.add("r", "1", image);
  await service.pull(reference);
  await service.refusal(`${registry.host}/none:1`);
  const pulls = service.infos.filter(({ message }) => String(message).startsWith("pull "));
  expect(pulls).toEqual([
    { message: "pull started", image: reference, asker: "daemon" },
    {
      message: "pull done",
      image: reference,
      asker: "daemon",
      digest: image.manifest.digest,
      source: `http://${registry.host}`,
      policy: "none",
      ms: expect.any(Number),
      id: image.imageId,
      bytes: expect.any(Number),
      fetchedBytes: expect.any(Number),
    },
    { message: "pull started", image: `${registry.host}/none:1`, asker: "daemon" },
    expect.objectContaining({ message: "pull failed", code: "not-found" }),
  ]);
  expect(JSON.stringify(service.infos)).not.toContain(secret);
});
