import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type ChaosRegistry,
  errorReply,
  stalledReply,
  startBreakingServer,
  startChaosRegistry,
} from "../fixtures/chaos-registry.ts";
import { type BuiltImage, buildImage, compressLayer, sha256 } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { type OpenedImages, openImages } from "../harness/image-service.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { openWorkspace, type Workspace } from "../harness/workspace.ts";

// Needs root: layers are unpacked with their owners.
let workspace: Workspace;
let registry: ChaosRegistry;
let service: OpenedImages;

const noise = (bytes: number): Uint8Array => {
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(content.subarray(at, at + 65536));
  return content;
};
const makeImage = (...contents: Uint8Array[]): BuiltImage =>
  buildImage(
    contents.map((content, i) => compressLayer(new LayerBuilder().file(`file${i}`, content).build())),
    {},
  );
const layerOf = (image: BuiltImage, position = 0): { readonly digest: string; readonly bytes: Uint8Array } => {
  const blob = image.blobs[position];
  if (blob === undefined) throw new Error(`no layer ${position}`);
  return blob;
};

beforeEach(async () => {
  workspace = openWorkspace("chaos");
  registry = startChaosRegistry();
  service = await openImages(workspace.path, { stallTimeoutMs: 1500 });
});

afterEach(() => {
  service[Symbol.dispose]();
  registry[Symbol.dispose]();
  workspace.remove();
});

const contentFiles = (): string[] => readdirSync(join(workspace.path, "root/content/sha256"));
const ingestFiles = (): string[] => readdirSync(join(workspace.path, "root/content/ingest"));
const layerDirs = (name: string): string[] => readdirSync(join(workspace.path, "root/layers", name));

test("a connection reset in the middle of a blob is continued where it broke", async () => {
  const image = makeImage(noise(3_000_000));
  const layer = layerOf(image);
  const reference = registry.add("r", "1", image);
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${layer.bytes.length}\r\n\r\n`;
  using breaking = startBreakingServer(() => head, layer.bytes.subarray(0, 1_000_000));
  registry.intercept = ({ name, headers }) =>
    name === layer.digest && !headers.has("range") ? Response.redirect(`${breaking.origin}/blob`, 307) : undefined;
  await service.pull(reference);
  const ranges = registry.requests
    .filter(({ name }) => name === layer.digest)
    .map(({ headers }) => headers.get("range"));
  expect(ranges[0]).toBeNull();
  expect(ranges.at(-1)).toMatch(/^bytes=[1-9]\d*-$/);
});

test("a server without ranges is read from the start, what is there is skipped", async () => {
  const image = makeImage(noise(2_000_000));
  const layer = layerOf(image);
  registry.supportsRanges = false;
  const reference = registry.add("r", "1", image);
  let first = true;
  registry.intercept = ({ name }) => {
    if (name !== layer.digest || !first) return undefined;
    first = false;
    return stalledReply(layer.bytes, 1_200_000);
  };
  const { id } = await service.pull(reference);
  const [lower] = service.images.acquireRootfs(id, "c").lowerDirs;
  expect(existsSync(join(lower ?? "", "file0"))).toBe(true);
});

test("a registry that stays silent is given up as unavailable, and says for how long", async () => {
  const image = makeImage(noise(100_000));
  const reference = registry.add("r", "1", image);
  registry.intercept = ({ kind }) => (kind === "manifests" ? new Promise(() => undefined) : undefined);
  expect(await service.refusal(reference)).toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("silent for 1500 ms"),
  });
});

test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
  ["other bytes of the same length", (bytes) => bytes.with(1000, (bytes[1000] ?? 0) ^ 1)],
  ["too many bytes", (bytes) => new Uint8Array([...bytes, 0])],
  ["another blob", () => noise(50_000)],
])("a blob of %s is data loss, and nothing of it stays", async (_name, damage) => {
  const image = makeImage(noise(100_000));
  const layer = layerOf(image);
  const reference = registry.add("r", "1", image);
  registry.intercept = ({ name }) => (name === layer.digest ? new Response(damage(layer.bytes)) : undefined);
  expect((await service.refusal(reference)).code).toBe("data-loss");
  expect(service.images.list()).toEqual([]);
  expect(contentFiles()).not.toContain(layer.digest.slice(7));
  expect(ingestFiles()).toEqual([]);
  expect([...layerDirs("ingest"), ...layerDirs("sha256")]).toEqual([]);
  registry.intercept = () => undefined;
  await service.pull(reference);
});

test("a layer that unpacks to another diff id than its config says is data loss", async () => {
  const honest = compressLayer(new LayerBuilder().file("f", "x").build());
  const image = buildImage([{ ...honest, diffId: sha256(noise(10)) }], {});
  const refused = await service.refusal(registry.add("r", "1", image));
  expect(refused).toMatchObject({ code: "data-loss", message: expect.stringContaining("its image says") });
  expect(layerDirs("sha256")).toEqual([]);
});

test("429 and 503 are waited out as the server asks", async () => {
  const image = makeImage(noise(1000));
  const reference = registry.add("r", "1", image);
  const answers = [429, 503, 502];
  registry.intercept = () => {
    const status = answers.shift();
    return status === undefined ? undefined : errorReply(status, "BUSY", { "retry-after": "0" });
  };
  await service.pull(reference);
  expect(answers).toEqual([]);
});

test.each([
  [404, "not-found"],
  [401, "unauthenticated"],
  [403, "permission-denied"],
  [400, "unavailable"],
] as const)("HTTP %d is %s, and the message has the registry's own words", async (status, code) => {
  registry.intercept = () => errorReply(status, "SOME_CODE");
  const refused = await service.refusal(`${registry.host}/r:1`);
  expect(refused.code).toBe(code);
  expect(refused.message).toContain(registry.host);
  if (status !== 401) expect(refused.message).toContain("SOME_CODE");
});

test("a registry that is not there is unavailable", async () => {
  expect(await service.refusal("127.0.0.1:1/r:1")).toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("connection refused"),
  });
});

test("manifests over 4 MiB are not read to their end", async () => {
  let sent = 0;
  registry.intercept = ({ kind }) => {
    if (kind !== "manifests") return undefined;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1 << 20;
        controller.enqueue(new Uint8Array(1 << 20).fill(0x20));
      },
    });
    return new Response(endless, { headers: { "content-type": "application/vnd.oci.image.manifest.v1+json" } });
  };
  expect((await service.refusal(`${registry.host}/r:1`)).code).toBe("data-loss");
  expect(sent).toBeLessThan(64 << 20);
});

test("a manifest under the wrong digest is data loss", async () => {
  const image = makeImage(noise(100));
  registry.add("r", "1", image);
  const wrong = `sha256:${"0".repeat(64)}`;
  registry.addManifest("r", "wrong", image.mediaType, { digest: wrong, bytes: image.manifest.bytes });
  expect((await service.refusal(`${registry.host}/r@${wrong}`)).code).toBe("data-loss");
  expect((await service.refusal(`${registry.host}/r:wrong`)).code).toBe("data-loss");
});

test("two pulls of one image share one download", async () => {
  const image = makeImage(noise(500_000), noise(400_000));
  const reference = registry.add("r", "1", image);
  const pulls = await Promise.all([service.pull(reference), service.pull(reference), service.pull(reference)]);
  expect(new Set(pulls.map(({ id }) => id)).size).toBe(1);
  for (const blob of image.blobs) expect(registry.fetches(blob.digest)).toBe(1);
  expect(registry.requests.filter(({ kind }) => kind === "manifests")).toHaveLength(1);
});

test("two images with a layer in common fetch and unpack it once", async () => {
  const shared = compressLayer(new LayerBuilder().file("shared", noise(800_000)).build());
  const make = (name: string): BuiltImage =>
    buildImage([shared, compressLayer(new LayerBuilder().file(name, name).build())], {});
  const [a, b] = [registry.add("a", "1", make("a")), registry.add("b", "1", make("b"))];
  const [first, second] = await Promise.all([service.pull(a), service.pull(b)]);
  expect(registry.fetches(shared.blob.digest)).toBe(1);
  const bottoms = [first, second].map(({ id }) => service.images.acquireRootfs(id, `c${id}`).lowerDirs.at(-1));
  expect(bottoms[0]).toBe(bottoms[1]);
  expect(layerDirs("sha256")).toHaveLength(3);
});

test("one of two waiting pulls may leave; when both left, nothing goes on", async () => {
  const image = makeImage(noise(1_000_000));
  const layer = layerOf(image);
  const reference = registry.add("r", "1", image);
  const closed: number[] = [];
  let requests = 0;
  registry.intercept = ({ name }) => {
    if (name !== layer.digest) return undefined;
    requests += 1;
    const request = requests;
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(layer.bytes.subarray(0, 1000)),
        cancel: () => void closed.push(request),
      }),
    );
  };
  const [one, two] = [new AbortController(), new AbortController()];
  const outcomes = [one, two].map(({ signal }) => service.refusal(reference, { signal }));
  // A body in chunks is asked for twice: the process that takes plain bodies leaves it to the general client (decision 0135).
  await waitUntil(() => requests === 2, { what: "the layer is asked for" });
  one.abort();
  expect((await outcomes[0])?.code).toBe("cancelled");
  expect(closed).not.toContain(2);
  two.abort();
  expect((await outcomes[1])?.code).toBe("cancelled");
  await waitUntil(() => closed.includes(2), { what: "the connection is closed" });
  await waitUntil(() => layerDirs("ingest").length === 0, { what: "what was half unpacked is removed" });
  registry.intercept = () => undefined;
  await service.pull(reference);
});

test("what a killed daemon had of a blob is not fetched again", async () => {
  const image = makeImage(noise(2_000_000));
  const layer = layerOf(image);
  const reference = registry.add("r", "1", image);
  const ingest = join(workspace.path, "root/content/ingest");
  mkdirSync(ingest, { recursive: true });
  writeFileSync(join(ingest, layer.digest.replace(":", "-")), layer.bytes.subarray(0, 1_500_000));
  await service.pull(reference);
  const [request] = registry.requests.filter(({ name }) => name === layer.digest);
  expect(request?.headers.get("range")).toBe("bytes=1500000-");
});

test("a half blob that the disk damaged is noticed and fetched anew", async () => {
  const image = makeImage(noise(2_000_000));
  const layer = layerOf(image);
  const reference = registry.add("r", "1", image);
  writeFileSync(join(workspace.path, "root/content/ingest", layer.digest.replace(":", "-")), noise(1_500_000));
  await service.pull(reference);
  // The layer's reader may notice it before the rest of the blob is asked for.
  const ranges = registry.requests
    .filter(({ name }) => name === layer.digest)
    .map(({ headers }) => headers.get("range"));
  expect(ranges.at(-1)).toBeNull();
  expect(ranges.slice(0, -1)).toEqual(ranges.length > 1 ? ["bytes=1500000-"] : []);
});

test("a stored blob that the disk damaged is fetched anew when its layer is needed", async () => {
  const image = makeImage(noise(200_000));
  const layer = layerOf(image);
  const reference = registry.add("r", "1", image);
  const { id } = await service.pull(reference);
  const [lower = ""] = service.images.acquireRootfs(id, "c").lowerDirs;
  const path = join(workspace.path, "root/content/sha256", layer.digest.slice(7));
  writeFileSync(path, readFileSync(path).fill(7, 500, 600));
  Bun.spawnSync(["rm", "-rf", join(lower, "..")]);
  service[Symbol.dispose]();
  service = await openImages(workspace.path);
  expect(service.images.list()).toEqual([]);
  expect((await service.pull(reference)).id).toBe(id);
  expect(existsSync(join(lower, "file0"))).toBe(true);
});

test("progress tells each layer's bytes and phases, and ends", async () => {
  const image = makeImage(noise(3_000_000), noise(2_000_000));
  const reference = registry.add("r", "1", image);
  const seen: string[] = [];
  await service.pull(reference, {
    onProgress: (progress) =>
      seen.push(progress.kind === "layer" ? `${progress.digest} ${progress.phase}` : progress.kind),
  });
  expect(seen[0]).toBe("resolved");
  expect(seen.at(-1)).toBe("done");
  for (const position of [0, 1]) {
    const phases = [
      ...new Set(
        seen.filter((line) => line.startsWith(layerOf(image, position).digest)).map((line) => line.split(" ")[1]),
      ),
    ];
    expect(phases).toEqual(["waiting", "downloading", "unpacking", "done"]);
  }
  seen.length = 0;
  await service.pull(reference, {
    onProgress: (progress) => seen.push(progress.kind === "layer" ? progress.phase : progress.kind),
  });
  expect(seen).toEqual(["resolved", "present", "present", "done"]);
});
