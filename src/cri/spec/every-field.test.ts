import { describe, expect, test } from "bun:test";
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { create, equals, ScalarType, toJson } from "@bufbuild/protobuf";
import { assertNever } from "../../errors/assert-never.ts";
import type { ContainerConfig, PodSandboxConfig } from "../../gen/runtime/v1/api_pb.ts";
import { ContainerConfigSchema, PodSandboxConfigSchema, Signal } from "../../gen/runtime/v1/api_pb.ts";
import { fromContainerSpec, toContainerSpec } from "./container-spec.ts";
import { fromPodSpec, toPodSpec } from "./pod-spec.ts";

/**
 * What a client is told of its request is made again from our types: no field of the API may get lost on the way. The fields are
 * read off the descriptors, so that one which a newer API brings is not forgotten.
 */

type Change = (message: Message) => void;

/** For each field below `descriptor` one message that has it, and what is around it, and nothing else. */
function changesOf(descriptor: DescMessage, path: string, enter: (message: Message) => Message): [string, Change][] {
  return descriptor.fields.flatMap((field): [string, Change][] => {
    const name = `${path}${field.name}`;
    const set = (value: unknown): Change => {
      return (message) => Reflect.set(enter(message), field.localName, value);
    };
    switch (field.fieldKind) {
      case "message":
        return [
          [`${name} {}`, set(create(field.message))],
          ...changesOf(field.message, `${name}.`, (message) => within(enter(message), field, false)),
        ];
      case "list":
        if (field.listKind !== "message") return [[name, set(field.scalar === ScalarType.STRING ? ["a", ""] : [7n])]];
        return changesOf(field.message, `${name}[].`, (message) => within(enter(message), field, true));
      case "map":
        return [[name, set({ a: "x", b: "", ["__proto__"]: "y" })]];
      case "enum":
        return field.enum.values.map(({ name: word, number }) => [`${name} ${word}`, set(number)]);
      case "scalar":
        return valuesOf(field.scalar).map((value) => [`${name} ${String(value).slice(0, 40)}`, set(value)]);
      default:
        return assertNever(field, "kind of field");
    }
  });
}

function within(message: Message, field: DescField & { readonly message: DescMessage }, list: boolean): Message {
  const found: unknown = Reflect.get(message, field.localName);
  const inner = (list ? (found as readonly Message[])[0] : found) ?? create(field.message);
  Reflect.set(message, field.localName, list ? [inner] : inner);
  return inner as Message;
}

function valuesOf(scalar: ScalarType): readonly unknown[] {
  switch (scalar) {
    case ScalarType.STRING:
      return ["text", "/\u00e9\n"];
    case ScalarType.BOOL:
      return [true];
    case ScalarType.BYTES:
      return [Uint8Array.of(0x61, 0xff, 0xc3, 0xa9), new Uint8Array()];
    case ScalarType.INT64:
      return [-(2n ** 63n), -1n, 2n ** 53n + 1n, 2n ** 63n - 1n];
    case ScalarType.UINT64:
      return [2n ** 64n - 1n];
    case ScalarType.INT32:
      return [-1, 2 ** 31 - 1];
    case ScalarType.UINT32:
      return [2 ** 32 - 1];
    default:
      throw new Error(`a scalar of type ${ScalarType[scalar]}: teach it to this test`);
  }
}

/** What is left out, with the reason. */
const leftOut: readonly (readonly [RegExp, string])[] = [
  [/^windows/, "nothing of it is for Linux"],
  [/(?:seccomp|apparmor)\.(?:localhost_ref|oci_ref|base_profile)/, "each goes with one type of profile: see below"],
  [/image \{\}$|image\.(?!image )/, "an image without a reference is none: see below"],
  [/^stop_signal SIGNAL_SIG(?:CLD|IOT|POLL)$/, "another name of a signal that has one"],
];

const same = (descriptor: DescMessage, a: Message, b: Message) =>
  equals(descriptor, a, b) ? "equal" : [toJson(descriptor, a), toJson(descriptor, b)];

/** A message with what a request that was checked always has, and the same after it was a spec. */
const messages: readonly (readonly [DescMessage, () => Message, (message: Message) => Message])[] = [
  [
    PodSandboxConfigSchema,
    () => create(PodSandboxConfigSchema, { metadata: {} }),
    (message) => fromPodSpec(toPodSpec(message as PodSandboxConfig)),
  ],
  [
    ContainerConfigSchema,
    () => create(ContainerConfigSchema, { metadata: {}, image: { image: "i" } }),
    (message) => fromContainerSpec(toContainerSpec(message as ContainerConfig)),
  ],
];

describe.each(messages)("%s comes back as it was", (descriptor, fresh, thereAndBack) => {
  const changes = changesOf(descriptor, "", (message) => message).filter(
    ([name]) => !leftOut.some(([pattern]) => pattern.test(name)),
  );

  test(`${changes.length} fields and values, one at a time`, () => {
    expect(changes.length).toBeGreaterThan(100);
    const lost = changes.flatMap(([name, change]) => {
      const message = fresh();
      change(message);
      const result = same(descriptor, message, thereAndBack(message));
      return result === "equal" ? [] : [[name, result]];
    });
    expect(lost).toEqual([]);
  });
});

describe("what goes together comes back together", () => {
  const image = { image: "model:1", annotations: { a: "b" }, userSpecifiedImage: "model", runtimeHandler: "crib" };
  const profiles = [
    { profileType: 2, localhostRef: "a.json" },
    { profileType: 3, ociRef: "r.example/p:1" },
    { profileType: 3, ociRef: "r.example/p:1", baseProfile: {} },
    { profileType: 3, ociRef: "r.example/p:1", baseProfile: { type: 1, localhostRef: "b.json" } },
  ];
  test.each([
    { image: { ...image, imageRef: "sha256:1" } },
    { image, mounts: [{ containerPath: "/v", image: { ...image, imageRef: "sha256:1" } }] },
    ...profiles.map((seccomp) => ({ image, linux: { securityContext: { seccomp } } })),
    { image, linux: { securityContext: { apparmor: profiles[0] } } },
    ...Array.from({ length: 65 }, (_, index) => ({ image, stopSignal: (index + 1) as Signal })).filter(
      ({ stopSignal }) => ![Signal.SIGCLD, Signal.SIGIOT, Signal.SIGPOLL].includes(stopSignal),
    ),
  ])("%j", (init) => {
    const message = create(ContainerConfigSchema, { metadata: { name: "c", attempt: 1 }, ...(init as object) });
    expect(same(ContainerConfigSchema, message, fromContainerSpec(toContainerSpec(message)))).toBe("equal");
  });
});
