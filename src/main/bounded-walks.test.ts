import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { fakeContainer, fakeSandbox } from "../../tests/fixtures/fake-records.ts";
import { matchesContainer } from "../cri/convert/matches.ts";
import { parseContainerSpec, toContainerSpec } from "../cri/spec/container-spec.ts";
import { checkMessage } from "../cri/validate/check-message.ts";
import { requireContainerConfig } from "../cri/validate/container-config.ts";
import { CribError } from "../errors/crib-error.ts";
import { ContainerConfigSchema, ContainerFilterSchema, ExecSyncRequestSchema } from "../gen/runtime/v1/api_pb.ts";
import { parseImageConfig } from "../images/pull/image-config.ts";
import { parseManifest } from "../images/pull/manifest.ts";
import { parseReference } from "../images/registry/reference.ts";
import { parseGroup, parsePasswd } from "../images/store/account-files.ts";
import { buildEnvironment } from "../oci/process/environment.ts";
import { parseExitRecord } from "../runtime/native/monitor/exit-records.ts";

/** What of the event loop's time one image, pod, registry or container may take at once. */
const mostLoopMs = 100;
const layerType = "application/vnd.oci.image.layer.v1.tar";
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const times = <Value>(count: number, make: (index: number) => Value) =>
  Array.from({ length: count }, (_, i) => make(i));
const keys = <Value>(count: number, value: Value): Record<string, Value> =>
  Object.fromEntries(times(count, (i) => [`/k${i}`, value]));
const digest = (i: number) => `sha256:${i.toString(16).padStart(64, "0")}`;
const image = (config: unknown, more: object = {}) =>
  json({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [digest(1)] }, config, ...more });
const descriptors = (count: number, mediaType: string) =>
  times(count, (i) => ({ mediaType, digest: digest(i), size: 1 }));
const manifest = (layers: number) =>
  json({
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digest(0), size: 2 },
    layers: descriptors(layers, layerType),
  });
const index = (count: number) =>
  json({ schemaVersion: 2, mediaType: indexType, manifests: descriptors(count, manifestType) });
const container = (fields: object) =>
  create(ContainerConfigSchema, { metadata: { name: "c" }, image: { image: "i" }, ...fields });
const crowd = times(1000, () =>
  fakeContainer(fakeSandbox(), { config: toContainerSpec(container({ labels: keys(100, "x") })) }),
);

const imageEntries = times(16_000, (i) => `A${i}=${"x".repeat(200)}`);
const crowdedEnvironment = container({
  envs: times(16_000, (i) => ({ key: `B${i}`, value: new Uint8Array(200).fill(65) })),
});
const requested = toContainerSpec(crowdedEnvironment).envs;

const longExec = create(ExecSyncRequestSchema, { containerId: "c", cmd: times(16_384, () => "x".repeat(1000)) });

/** Input, what it is bounded by, and how what is over the bound is told; "taken" is within it. */
const walks: readonly [string, string, () => unknown][] = [
  ["250,000 VOLUMEs of an image", "data-loss", reading(image({ Volumes: keys(250_000, {}) }))],
  ["60,000 VOLUMEs of an image", "data-loss", reading(image({ Volumes: keys(60_000, {}) }))],
  ["380,000 environment entries of an image", "data-loss", reading(image({ Env: times(380_000, (i) => `A=${i}`) }))],
  ["a million words of an image's command", "data-loss", reading(image({ Cmd: times(1_000_000, () => "a") }))],
  ["60,000 labels of an image", "data-loss", reading(image({ Labels: keys(60_000, "") }))],
  ["60,000 ports of an image", "data-loss", reading(image({ ExposedPorts: keys(60_000, {}) }))],
  ["300 VOLUMEs of an image", "failed-precondition", reading(image({ Volumes: keys(300, {}) }))],
  ["45,000 steps of an image's history", "taken", reading(image({}, { history: times(45_000, () => ({ a: "x" })) }))],
  ["55,000 diff ids of an image", "data-loss", reading(image({}, { rootfs: { diff_ids: times(55_000, digest) } }))],
  ["an image config of 4 MiB in one string", "taken", reading(image({ User: "u".repeat(4_190_000) }))],
  ["lists nested 100,000 deep", "data-loss", reading(new TextEncoder().encode("[".repeat(100_000)))],
  ["16,000 layers of a manifest", "failed-precondition", () => parseManifest(manifest(16_000), manifestType, "m")],
  ["28,000 layers of a manifest", "data-loss", () => parseManifest(manifest(28_000), manifestType, "m")],
  ["10,000 manifests of an index", "taken", () => parseManifest(index(10_000), indexType, "m")],
  ["24,000 manifests of an index", "data-loss", () => parseManifest(index(24_000), indexType, "m")],
  ["a reference of a mebibyte", "invalid-argument", () => parseReference("a".repeat(1 << 20))],
  ["a mebibyte of users", "failed-precondition", () => parsePasswd("x:x:0:0::/:\n".repeat(87_000))],
  ["a mebibyte of blank lines", "taken", () => parsePasswd("\n".repeat(1 << 20))],
  ["16,000 groups", "taken", () => parseGroup("x:x:0:\n".repeat(16_000))],
  ["a mebibyte of group members", "failed-precondition", () => parseGroup(`x:x:0:${"a,".repeat(32_000)}\n`.repeat(16))],
  ["an exit record of a mebibyte", "taken", () => parseExitRecord("a".repeat(64), "1 ".repeat(1 << 19))],
  [
    "16,000 mounts of a container",
    "invalid-argument",
    () =>
      requireContainerConfig(container({ mounts: times(16_000, (i) => ({ hostPath: "/a", containerPath: `/${i}` })) })),
  ],
  [
    "16,000 devices of a container",
    "invalid-argument",
    () =>
      requireContainerConfig(container({ devices: times(16_000, () => ({ hostPath: "/a", containerPath: "/a" })) })),
  ],
  [
    "16,000 environment entries of a container",
    "taken",
    () => buildEnvironment({ hostname: "h", terminal: false, image: imageEntries, requested, home: "/" }),
  ],
  ["16,000 environment entries of a request", "taken", () => parseContainerSpec(crowdedEnvironment)],
  [
    "16,384 labels and as many annotations of a container",
    "taken",
    () => checkMessage(ContainerConfigSchema, container({ labels: keys(16_384, "v"), annotations: keys(16_384, "v") })),
  ],
  [
    "20,000 labels of a container",
    "invalid-argument",
    () => checkMessage(ContainerConfigSchema, container({ labels: keys(20_000, "v") })),
  ],
  ["16,384 arguments of an exec, 16 MiB", "taken", () => checkMessage(ExecSyncRequestSchema, longExec)],
  [
    "16,384 labels of a filter, against 1,000 containers",
    "taken",
    () => {
      const filter = create(ContainerFilterSchema, { labelSelector: keys(16_384, "x") });
      return crowd.filter((record) => matchesContainer(record, filter));
    },
  ],
];

describe("N4: what a stranger decides is bounded before it is walked", () => {
  test.each(walks)("%s: %s, in under 100 ms of the event loop", (_input, outcome, walk) => {
    let told = "";
    // The compiler and the collector have their own moments: the best of a few tells what the walk takes.
    const best = Math.min(
      ...times(4, () => {
        const before = threadMs();
        told = outcomeOf(walk);
        return threadMs() - before;
      }),
    );
    expect(told).toBe(outcome);
    expect(best).toBeLessThan(mostLoopMs);
  });
});

function reading(bytes: Uint8Array): () => unknown {
  return () => parseImageConfig(bytes, "config of x");
}

function outcomeOf(walk: () => unknown): string {
  try {
    walk();
    return "taken";
  } catch (error) {
    if (!CribError.is(error)) throw error;
    return error.code;
  }
}

/** Processor time of this thread: on a busy machine the clock on the wall says more about the others. */
function threadMs(): number {
  return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[0]) / 1e6;
}
