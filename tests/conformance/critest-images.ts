import { buildImage, compressLayer, type ImageRunConfig } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { busyboxLayer } from "../fixtures/test-images.ts";
import type { Registry } from "../harness/registry.ts";

export interface CritestPrograms {
  readonly pause: Uint8Array;
  readonly web: Uint8Array;
  readonly showEuid: Uint8Array;
  readonly execSh: Uint8Array;
}

/** Where critest believes its images to be; mirrored to the local registry. */
export const mirroredHosts = ["registry.k8s.io", "k8s.gcr.io", "gcr.io"] as const;

const STAGING = "k8s-staging-cri-tools";
const E2E = "e2e-test-images";

/** Debian's busybox has none. */
const PGREP = '#!/bin/sh\nfor p in /proc/[0-9]*; do read c < $p/comm && test "$c" = "$1" && basename $p; done; true\n';

interface Recipe {
  readonly name: string;
  readonly tags: readonly string[];
  readonly config: ImageRunConfig;
  /** What the image has on top of the common base. */
  readonly extra?: LayerBuilder;
}

/** Pushes small stand-ins for every image that critest pulls, under the names it uses. */
export async function pushCritestImages(registry: Registry, programs: CritestPrograms): Promise<void> {
  const base = compressLayer(busyboxLayer(programs.pause));
  const tools = compressLayer(
    new LayerBuilder()
      .dir("bin")
      .file("bin/nginx", programs.web, { mode: 0o755 })
      .file("bin/sh", programs.execSh, { mode: 0o755 })
      .file("bin/ipcs", "#!/bin/sh\ncat /proc/sysvipc/shm\n", { mode: 0o755 })
      .file("bin/pgrep", PGREP, { mode: 0o755 })
      .file("etc/passwd", accounts(["www-data:x:33:33::/var/www:/bin/false"]))
      .file("etc/group", "root:x:0:\nwww-data:x:33:\n")
      .build(),
  );
  for (const { name, tags, config, extra } of recipes(programs)) {
    const layers = extra === undefined ? [base, tools] : [base, tools, compressLayer(extra.build())];
    const image = buildImage(layers, config);
    for (const tag of tags) await registry.push(name, tag, image);
  }
}

function recipes(programs: CritestPrograms): readonly Recipe[] {
  const shell = { Cmd: ["sh"] };
  const marked = (name: string): LayerBuilder => new LayerBuilder().file(name, "marker\n");
  const users = { uid: "1002", username: "www-data", "uid-group": "1003:33", "username-group": "www-data:33" };
  return [
    { name: "pause", tags: ["3.9", "3.10"], config: { Entrypoint: ["/bin/pause"] } },
    { name: `${E2E}/busybox`, tags: ["1.29-2", "1.36"], config: shell },
    { name: `${E2E}/nginx`, tags: ["1.14-2"], config: { Cmd: ["/bin/nginx", "80"] } },
    { name: `${E2E}/httpd`, tags: ["2.4.39-4"], config: { Cmd: ["/bin/nginx", "80"] } },
    {
      name: `${E2E}/nonewprivs`,
      tags: ["1.3"],
      config: { Entrypoint: ["/nnp"] },
      extra: new LayerBuilder().file("nnp", programs.showEuid, { mode: 0o4755 }),
    },
    { name: `${STAGING}/hostnet-nginx-amd64`, tags: ["latest"], config: { Cmd: ["/bin/nginx", "12003"] } },
    ...Object.entries(users).map(([kind, User]) => ({
      name: `${STAGING}/test-image-user-${kind}`,
      tags: ["latest"],
      config: { ...shell, User },
    })),
    {
      name: `${STAGING}/test-image-predefined-group`,
      tags: ["latest"],
      config: { ...shell, User: "1000" },
      extra: new LayerBuilder()
        .file("etc/passwd", accounts(["default-user:x:1000:1000::/home/default-user:/bin/sh"]))
        .file("etc/group", "root:x:0:\ndefault-user:x:1000:\ngroup-defined-in-image:x:50000:default-user\n"),
    },
    ...["1", "2", "3"].map((number) => ({
      name: `${STAGING}/test-image-${number}`,
      tags: ["latest"],
      config: shell,
      extra: marked(`image-${number}`),
    })),
    { name: `${STAGING}/test-image-tags`, tags: ["1", "2", "3"], config: shell, extra: marked("tags") },
    { name: `${STAGING}/test-image-latest`, tags: ["latest"], config: shell, extra: marked("latest") },
    { name: `${STAGING}/test-image-tag`, tags: ["test"], config: shell, extra: marked("test") },
    { name: `${STAGING}/test-image-tag`, tags: ["all"], config: shell, extra: marked("all") },
  ];
}

function accounts(lines: readonly string[]): string {
  return ["root:x:0:0:root:/root:/bin/sh", "nobody:x:65534:65534:nobody:/:/bin/false", ...lines, ""].join("\n");
}
