import { describe, expect, test } from "bun:test";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { create, fromBinary, ScalarType, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { containerSpec, podSpec } from "../../../tests/fixtures/specs.ts";
import { toContainerSpec } from "../../cri/spec/container-spec.ts";
import { toPodSpec } from "../../cri/spec/pod-spec.ts";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "../../gen/runtime/v1/api_pb.ts";
import { containerFingerprint, sandboxFingerprint } from "./fingerprint.ts";

const orders = [
  ["a", "b", "__proto__"],
  ["a", "__proto__", "b"],
  ["b", "a", "__proto__"],
  ["b", "__proto__", "a"],
  ["__proto__", "a", "b"],
  ["__proto__", "b", "a"],
] as const;

/** The message with three entries in every map that can be reached from it, written in this order. */
function withMaps(descriptor: DescMessage, keys: readonly string[], depth = 0): Message {
  const message = create(descriptor);
  for (const field of descriptor.fields) {
    if (field.fieldKind === "map") {
      const map: object = Object.create(null);
      const value = field.mapKind === "scalar" && field.scalar === ScalarType.STRING ? "v" : undefined;
      if (value === undefined) throw new Error(`a map of ${field.mapKind}: teach it to this test`);
      for (const key of keys) Reflect.set(map, key, `${value} of ${key}`);
      Reflect.set(message, field.localName, map);
    } else if (field.fieldKind === "message" && depth < 4) {
      Reflect.set(message, field.localName, withMaps(field.message, keys, depth + 1));
    } else if (field.fieldKind === "list" && field.listKind === "message" && depth < 4) {
      Reflect.set(message, field.localName, [withMaps(field.message, keys, depth + 1)]);
    }
  }
  return message;
}

function throughWire<Desc extends DescMessage>(descriptor: Desc, keys: readonly string[]) {
  const unknown = new BinaryWriter().tag(9999, WireType.LengthDelimited).string(keys.join()).finish();
  return fromBinary(descriptor, Buffer.concat([unknown, toBinary(descriptor, withMaps(descriptor, keys) as never)]));
}

describe("the same request is the same in whatever order it was written", () => {
  test("a pod, with every map in every order and fields nobody knows", () => {
    const wire = new Set(
      orders.map((keys) => Buffer.from(toBinary(PodSandboxConfigSchema, throughWire(PodSandboxConfigSchema, keys)))),
    );
    expect(wire.size).toBe(orders.length);
    const prints = new Set(
      orders.map((keys) => sandboxFingerprint(toPodSpec(throughWire(PodSandboxConfigSchema, keys)), "")),
    );
    expect(prints.size).toBe(1);
  });

  test("a container", () => {
    const prints = new Set(
      orders.map((keys) => containerFingerprint(toContainerSpec(throughWire(ContainerConfigSchema, keys)))),
    );
    expect(prints.size).toBe(1);
  });

  test("a pod that a restarted kubelet has seen at another moment", () => {
    const seen = (at: string) =>
      sandboxFingerprint(podSpec({ annotations: { "kubernetes.io/config.seen": at, a: "b" } }), "");
    expect(seen("2026-11-29T20:00:00Z")).toBe(seen("2026-11-29T20:00:09Z"));
  });

  test("a container whose termination log is another file, and whose services' variables are in another order", () => {
    const attempt = (file: string, keys: readonly string[]) =>
      containerFingerprint(
        containerSpec({
          annotations: { "io.kubernetes.container.terminationMessagePath": "/dev/termination-log" },
          mounts: [
            { containerPath: "/data", hostPath: "/volumes/data" },
            { containerPath: "/dev/termination-log", hostPath: `/pods/u/containers/c/${file}` },
          ],
          envs: keys.map((key) => ({ key, value: new TextEncoder().encode(`of ${key}`) })),
        }),
      );
    expect(attempt("1a2b", ["A_SERVICE_HOST", "B_SERVICE_HOST"])).toBe(
      attempt("9f9f", ["B_SERVICE_HOST", "A_SERVICE_HOST"]),
    );
  });

  test("a container with an image volume, as its record has it after a restart of the daemon", () => {
    const made = (imageRef: string) =>
      containerFingerprint(containerSpec({ mounts: [{ containerPath: "/v", image: { image: "data:1", imageRef } }] }));
    expect(made("")).toBe(made("sha256:1234"));
  });
});

describe("another request is another one", () => {
  const base = { image: { image: "i" }, envs: [{ key: "A", value: new Uint8Array([1]) }], labels: { a: "b" } };
  const prints = (
    [
      base,
      { ...base, labels: { a: "c" } },
      { ...base, labels: {} },
      { ...base, labels: { a: "b", c: "" } },
      { ...base, args: ["x"] },
      { ...base, args: ["x", ""] },
      { ...base, command: ["x"] },
      { ...base, envs: [{ key: "A", value: new Uint8Array([2]) }] },
      { ...base, envs: [{ key: "A", value: new Uint8Array([200]) }] },
      // The last of a name wins: here the order has a meaning.
      { ...base, envs: [1, 2].map((value) => ({ key: "A", value: new Uint8Array([value]) })) },
      { ...base, envs: [2, 1].map((value) => ({ key: "A", value: new Uint8Array([value]) })) },
      { ...base, mounts: [{ containerPath: "/v", hostPath: "/a" }] },
      { ...base, mounts: [{ containerPath: "/v", hostPath: "/b" }] },
      { ...base, linux: { securityContext: { runAsUser: { value: 0n } } } },
      { ...base, linux: { securityContext: {} } },
      { ...base, linux: {} },
    ] as const
  ).map((config) => containerFingerprint(containerSpec(config as never)));

  test("each difference is seen", () => {
    expect(new Set(prints).size).toBe(prints.length);
  });

  test("a pod with another handler", () => {
    const config = podSpec({});
    expect(sandboxFingerprint(config, "runc")).not.toBe(sandboxFingerprint(config, ""));
  });
});
