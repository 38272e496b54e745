import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type ChaosRegistry,
  type ChaosRequest,
  type Interception,
  startChaosRegistry,
} from "../fixtures/chaos-registry.ts";
import { type BuiltImage, buildImage, compressLayer, sha256 } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { openWorkspace } from "../harness/workspace.ts";

/** How long silence may last in these pulls; a node waits half a minute. */
export const stallTimeoutMs = 1000;

/** A registry, a mirror of it and an image of one layer: what a fault is made with. */
export interface ChaosBed extends Disposable {
  readonly directory: string;
  readonly registry: ChaosRegistry;
  readonly mirror: ChaosRegistry;
  readonly image: BuiltImage;
  readonly layer: { readonly digest: string; readonly bytes: Uint8Array };
  /** "HOST/r:1" of the registry. */
  readonly reference: string;
  /** "reg.example/r:1", with the mirror before the registry. */
  readonly mirrored: string;
  /** Pushes a manifest of these bytes as "r:1". */
  manifest(bytes: Uint8Array | string): void;
  /** Replaces the answers to requests of a kind. */
  on(kind: "manifests" | "blobs", answer: Interception, of?: ChaosRegistry): void;
  /** Replaces the answer for the layer. */
  onLayer(answer: Interception, of?: ChaosRegistry): void;
  /** Frees something with the bed. */
  defer(free: () => void): void;
}

export function openChaosBed(): ChaosBed {
  const free = new DisposableStack();
  const workspace = openWorkspace("chaos-table");
  free.defer(() => workspace.remove());
  const registry = free.use(startChaosRegistry());
  const mirror = free.use(startChaosRegistry());
  const content = new Uint8Array(1_500_000);
  for (let at = 0; at < content.length; at += 65536) crypto.getRandomValues(content.subarray(at, at + 65536));
  const built = compressLayer(new LayerBuilder().file("file", content).build());
  const image = buildImage([built], {});
  mirror.add("r", "1", image);
  hostsToml(workspace.path, `server = "http://${registry.host}"\n[host."http://${mirror.host}"]\n`);
  const only =
    (isMeant: (request: ChaosRequest) => boolean, answer: Interception): Interception =>
    (request) => {
      if (!isMeant(request)) return undefined;
      return answer(request);
    };
  return {
    directory: workspace.path,
    registry,
    mirror,
    image,
    layer: built.blob,
    reference: registry.add("r", "1", image),
    mirrored: "reg.example/r:1",
    manifest(bytes) {
      const raw = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
      registry.addManifest("r", "1", image.mediaType, { digest: sha256(raw), bytes: raw });
    },
    on(kind, answer, of = registry) {
      of.intercept = only((request) => request.kind === kind, answer);
    },
    onLayer(answer, of = registry) {
      of.intercept = only((request) => request.name === built.blob.digest, answer);
    },
    defer: (action) => free.defer(action),
    [Symbol.dispose]: () => free.dispose(),
  };
}

function hostsToml(directory: string, text: string): void {
  mkdirSync(join(directory, "hosts", "reg.example"), { recursive: true });
  writeFileSync(join(directory, "hosts", "reg.example", "hosts.toml"), text);
}
