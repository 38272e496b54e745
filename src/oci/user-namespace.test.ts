import { describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { toNamespaceOptions } from "../cri/spec/namespace-options.ts";
import { NamespaceMode, NamespaceOptionSchema, UserNamespaceSchema } from "../gen/runtime/v1/api_pb.ts";
import { checkSameUserNamespace, hostIdOf, parseUserNamespace, sameIdMap } from "./user-namespace.ts";

type Line = { readonly hostId: number; readonly containerId: number; readonly length: number };
const kubelets: Line = { hostId: 131_072, containerId: 0, length: 65_536 };

function parse(
  usernsOptions: MessageInitShape<typeof UserNamespaceSchema> | undefined,
  more: MessageInitShape<typeof NamespaceOptionSchema> = {},
) {
  const message = create(NamespaceOptionSchema, more);
  if (usernsOptions !== undefined) message.usernsOptions = create(UserNamespaceSchema, usernsOptions);
  return parseUserNamespace(toNamespaceOptions(message), "options");
}

const pod = (uids: readonly Line[], gids: readonly Line[] = [kubelets]) =>
  parse({ mode: NamespaceMode.POD, uids: [...uids], gids: [...gids] });

describe("parseUserNamespace()", () => {
  test("is the host's when nothing is said, or NODE is", () => {
    expect(parseUserNamespace(undefined, "options")).toBeUndefined();
    expect(parse(undefined)).toBeUndefined();
    expect(parse({ mode: NamespaceMode.NODE })).toBeUndefined();
  });

  test("reads what the kubelet sends", () => {
    const map = [{ containerID: 0, hostID: 131_072, size: 65_536 }];
    expect(pod([kubelets])).toEqual({ uids: map, gids: map });
  });

  test("takes maps of several lines, in any order, up to the last id", () => {
    const last = { hostId: 4_294_967_294, containerId: 4_294_967_294, length: 1 };
    expect(pod([last, kubelets])?.uids).toHaveLength(2);
  });

  const refused: Readonly<Record<string, [() => unknown, string]>> = {
    "mappings without POD": [() => parse({ mode: NamespaceMode.NODE, uids: [kubelets] }), "for mode POD"],
    "another mode": [() => parse({ mode: NamespaceMode.CONTAINER }), "CONTAINER"],
    "no users": [() => pod([]), "uids is required"],
    "no groups": [() => pod([kubelets], []), "gids is required"],
    "length 0": [() => pod([{ ...kubelets, length: 0 }]), "length 0"],
    "ids past the last, outside": [() => pod([{ ...kubelets, hostId: 4_294_967_295 - 65_535 }]), "last id"],
    "ids past the last, inside": [() => pod([{ hostId: 1, containerId: 4_294_967_295, length: 1 }]), "last id"],
    "the host's root": [() => pod([{ ...kubelets, hostId: 0 }]), "host's root"],
    "no root": [() => pod([{ ...kubelets, containerId: 1 }]), "not mapped"],
    "lines that overlap inside": [() => pod([kubelets, { hostId: 1, containerId: 65_535, length: 1 }]), "container_id"],
    "lines that overlap outside": [
      () => pod([kubelets, { hostId: 131_072, containerId: 70_000, length: 1 }]),
      "host_id 131072",
    ],
    "more lines than the kernel takes": [
      () => pod(Array.from({ length: 341 }, (_, i) => ({ hostId: 10 + i, containerId: i, length: 1 }))),
      "341 lines",
    ],
    "the host's processes": [
      () => parse({ mode: NamespaceMode.POD, uids: [kubelets], gids: [kubelets] }, { pid: NamespaceMode.NODE }),
      "options.pid",
    ],
    "the host's ipc": [
      () => parse({ mode: NamespaceMode.POD, uids: [kubelets], gids: [kubelets] }, { ipc: NamespaceMode.NODE }),
      "options.ipc",
    ],
  };
  for (const [name, [work, message]] of Object.entries(refused)) {
    test(`refuses ${name}`, () => expect(work).toThrow(message));
  }
});

describe("hostIdOf()", () => {
  const map = [
    { containerID: 0, hostID: 100, size: 10 },
    { containerID: 20, hostID: 500, size: 1 },
  ];
  const cases: readonly (readonly [number, number | undefined])[] = [
    [0, 100],
    [9, 109],
    [10, undefined],
    [19, undefined],
    [20, 500],
    [21, undefined],
  ];
  for (const [inside, outside] of cases)
    test(`${inside} is ${outside}`, () => expect(hostIdOf(map, inside)).toBe(outside));

  test("order does not make maps differ, an id does", () => {
    expect(sameIdMap(map, map.toReversed())).toBe(true);
    expect(sameIdMap(map, map.slice(1))).toBe(false);
  });
});

test("a container is in its pod's user namespace or it is refused", () => {
  const own = pod([kubelets]);
  checkSameUserNamespace(own, pod([kubelets]));
  checkSameUserNamespace(undefined, undefined);
  for (const other of [undefined, pod([{ ...kubelets, hostId: 200_000 }])]) {
    expect(() => checkSameUserNamespace(own, other)).toThrow("not that of its pod");
    expect(() => checkSameUserNamespace(other, own)).toThrow("not that of its pod");
  }
});
