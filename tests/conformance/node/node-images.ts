import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BuiltImage, buildImage, compressLayer, type ImageRunConfig } from "../../fixtures/image-builder.ts";
import { LayerBuilder } from "../../fixtures/layer-builder.ts";
import { busyboxLayer } from "../../fixtures/test-images.ts";
import type { Registry } from "../../harness/registry.ts";

export interface NodePrograms {
  readonly pause: Uint8Array;
  readonly web: Uint8Array;
  readonly showEuid: Uint8Array;
  /** Kubernetes' own program of many small servers. */
  readonly agnhost: Uint8Array;
}

const E2E = "e2e-test-images";
/** The accounts that Kubernetes' images have beside busybox's. */
const PASSWD = [
  "root:x:0:0:root:/root:/bin/sh",
  "user-defined-in-image:x:1000:1000::/home/user-defined-in-image:/bin/sh",
  "nobody:x:65534:65534:nobody:/:/bin/false",
  "",
].join("\n");
const GROUP = "root:x:0:\nuser-defined-in-image:x:1000:\ngroup-defined-in-image:x:50000:user-defined-in-image\n";

/** Pushes stand-ins for every image that the node suite's conformance specs pull, under its names (test/utils/image/manifest.go, 1.37). */
export async function pushNodeImages(registry: Registry, programs: NodePrograms): Promise<void> {
  const base = compressLayer(busyboxLayer(programs.pause));
  const pause = buildImage([base], { Entrypoint: ["/bin/pause"] });
  const agnhost = compressLayer(agnhostLayer(programs.agnhost, pause));
  const shell = { Cmd: ["sh"] };
  const image = (config: ImageRunConfig, extra?: LayerBuilder): BuiltImage =>
    buildImage(extra === undefined ? [base] : [base, compressLayer(extra.build())], config);
  const bin = (path: string, bytes: Uint8Array, mode = 0o755): LayerBuilder => {
    const layer = new LayerBuilder();
    for (const directory of parentsOf(path)) layer.dir(directory);
    return layer.file(path, bytes, { mode });
  };
  const server = buildImage([base, agnhost], { Entrypoint: ["/agnhost"], Cmd: ["pause"] });
  const nginx = image({ Cmd: ["/bin/nginx", "80"] }, bin("bin/nginx", programs.web));
  const pushed: readonly (readonly [name: string, tags: readonly string[], image: BuiltImage])[] = [
    ["pause", ["3.10.2", "3.10"], pause],
    [`${E2E}/agnhost`, ["2.66.1", "2.55"], server],
    [`${E2E}/busybox`, ["1.37.0-2"], image(shell)],
    [`${E2E}/nginx`, ["1.27.0-2", "1.28.0-2"], nginx],
    [`${E2E}/nonewprivs`, ["1.4"], image({ Cmd: ["nnp"] }, bin("usr/local/bin/nnp", programs.showEuid, 0o6755))],
    [`${E2E}/nonroot`, ["1.5"], image({ ...shell, User: "1234" })],
    [`${E2E}/ipc-utils`, ["1.4"], image(shell)],
    [`${E2E}/perl`, ["5.26"], image(shell)],
  ];
  for (const [name, tags, built] of pushed) for (const tag of tags) await registry.push(name, tag, built);
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** The program, and what its registry server serves: `pause:testing`, in files as it looks for them. */
function agnhostLayer(program: Uint8Array, pause: BuiltImage): Uint8Array {
  const layer = new LayerBuilder().file("agnhost", program, { mode: 0o755 }).symlink("agnhost-2", "agnhost");
  layer.dir("uploads").file("etc/passwd", PASSWD).file("etc/group", GROUP);
  const directories = new Set<string>();
  const add = (path: string, content: Uint8Array | string): void => {
    for (const parent of parentsOf(path)) if (!directories.has(parent)) layer.dir(parent);
    for (const parent of parentsOf(path)) directories.add(parent);
    layer.file(path, content);
  };
  const kept = (kind: string, digest: string): string => {
    const [algorithm = "", hash = ""] = digest.split(":");
    return `var/registry/pause/${kind}/${algorithm}/${hash.slice(0, 2)}/${hash}/data`;
  };
  add("var/registry/pause/manifests/testing", pause.manifest.digest);
  add(kept("manifests", pause.manifest.digest), pause.manifest.bytes);
  for (const { digest, bytes } of pause.blobs) add(kept("blobs", digest), bytes);
  return layer.build();
}

/** Makes engines ask the registry for what is named `registry.k8s.io/…`. */
export function mirrorToRegistry(registry: Registry): void {
  const directory = join(registry.hostsDir, "registry.k8s.io");
  mkdirSync(directory, { recursive: true });
  const mirror = `[host."http://${registry.host}"]\ncapabilities = ["pull", "resolve"]\n`;
  writeFileSync(join(directory, "hosts.toml"), `server = "https://registry.k8s.io"\n\n${mirror}`);
}
