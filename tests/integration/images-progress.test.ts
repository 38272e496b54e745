import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PullEvent, PullProgress } from "../../src/images/port.ts";
import { type ChaosRegistry, startChaosRegistry } from "../fixtures/chaos-registry.ts";
import { type BuiltImage, buildImage, compressLayer } from "../fixtures/image-builder.ts";
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
const image: BuiltImage = buildImage(
  [3_000_000, 2_000_000].map((bytes) => compressLayer(new LayerBuilder().file("file", noise(bytes)).build())),
  {},
);
const layer = image.blobs[0] ?? image.manifest;

beforeEach(async () => {
  workspace = openWorkspace("progress");
  registry = startChaosRegistry();
  mkdirSync(join(workspace.path, "hosts/reg.example"), { recursive: true });
  const text = `server = "http://127.0.0.1:1"\n[host."http://${registry.host}"]\n`;
  writeFileSync(join(workspace.path, "hosts/reg.example/hosts.toml"), text);
  service = await openImages(workspace.path);
});

afterEach(() => {
  for (const opened of [service, registry]) opened[Symbol.dispose]();
  workspace.remove();
});

/** The registry sends half of the first layer, and the rest once it is told to. */
function holdFirstLayer(): { open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  registry.intercept = ({ kind, name }) => {
    if (kind !== "blobs" || name !== layer.digest) return undefined;
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(layer.bytes.subarray(0, 2_000_000));
        await promise;
        controller.enqueue(layer.bytes.subarray(2_000_000));
        controller.close();
      },
    });
    return new Response(body, { headers: { "content-length": String(layer.bytes.length) } });
  };
  return { open: resolve };
}

const phases = (): readonly string[] => (service.images.pulls()[0]?.layers ?? []).map(({ phase }) => phase);

test("a pull under way is listed with each layer's state, bytes and server, and is gone when it ends", async () => {
  registry.add("a", "1", image);
  const gate = holdFirstLayer();
  const pulled = service.pull("reg.example/a:1");
  await waitUntil(() => phases()[1] === "unpacking", { what: "the second layer is there" });
  await waitUntil(() => (service.images.pulls()[0]?.layers[0]?.doneBytes ?? 0n) > 1_000_000n, {
    what: "half of the first layer is there",
  });
  const [pull] = service.images.pulls();
  expect(pull).toMatchObject({ reference: "reg.example/a:1", askers: ["daemon"], digest: image.manifest.digest });
  expect(phases()).toEqual(["downloading", "unpacking"]);
  expect(pull?.layers[0]).toMatchObject({
    digest: layer.digest,
    totalBytes: BigInt(layer.bytes.length),
    sender: { origin: `http://${registry.host}`, isMirror: true },
  });
  gate.open();
  await pulled;
  expect(service.images.pulls()).toEqual([]);
});

test("who joins a pull is told at once what it has told before", async () => {
  registry.add("a", "1", image);
  const gate = holdFirstLayer();
  const first = service.pull("reg.example/a:1");
  await waitUntil(() => phases().join() === "downloading,unpacking", { what: "both layers are coming" });
  const seen: PullProgress[] = [];
  const second = service.pull("reg.example/a:1", { onProgress: (progress) => seen.push(progress) });
  await waitUntil(() => seen.length >= 3, { what: "the second client is told", boundMs: 500 });
  expect(seen.slice(0, 3)).toMatchObject([
    { kind: "resolved", digest: image.manifest.digest },
    { kind: "layer", digest: layer.digest, phase: "downloading" },
    { kind: "layer", phase: "unpacking" },
  ]);
  gate.open();
  expect((await second).id).toBe((await first).id);
});

test("who watches is told of every pull's steps and end, also of one that fails", async () => {
  const events: PullEvent[] = [];
  using _watch = service.images.watchPulls((event) => events.push(event));
  registry.add("a", "1", image);
  const { id } = await service.pull("reg.example/a:1");
  expect(events.at(-1)).toMatchObject({ pull: { id: 1 }, ended: { imageId: id } });
  expect(events.map(({ pull }) => pull.layers.length)).toContain(2);
  await service.refusal("reg.example/none:1");
  expect(events.at(-1)).toMatchObject({ pull: { id: 2, reference: "reg.example/none:1" } });
  expect(events.at(-1)?.ended).toHaveProperty("error");
});

test("one line tells when a pull starts and one when it ends, with size, time and source", async () => {
  registry.add("a", "1", image);
  await service.pull("reg.example/a:1");
  await service.pull("reg.example/a:1");
  const lines = service.infos.filter(({ message }) => String(message).startsWith("pull "));
  expect(lines.map(({ message }) => message)).toEqual(["pull started", "pull done", "pull started", "pull done"]);
  const blobBytes = image.blobs.slice(0, 2).reduce((sum, { bytes }) => sum + bytes.length, 0);
  expect(lines[1]).toMatchObject({ source: `http://${registry.host}`, fetchedBytes: blobBytes });
  expect(lines[1]).toHaveProperty("ms");
  expect(lines[3]).toMatchObject({ fetchedBytes: 0 });
});
