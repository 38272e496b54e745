import { describe, expect, test } from "bun:test";
import { containerSpec, podSpec } from "../../../tests/fixtures/specs.ts";
import { fromNamespaceOptions } from "../../cri/spec/namespace-options.ts";
import type { NamespaceOption } from "../../gen/runtime/v1/api_pb.ts";
import { NamespaceMode } from "../../gen/runtime/v1/api_pb.ts";
import { inPodNamespaces } from "./in-pod-namespaces.ts";

const { POD, CONTAINER, NODE } = NamespaceMode;
type Modes = Partial<Record<"network" | "ipc" | "pid", NamespaceMode>>;

const podOf = (namespaceOptions?: Modes) =>
  podSpec(namespaceOptions && { linux: { securityContext: { namespaceOptions } } });
const containerOf = (namespaceOptions?: Modes) =>
  containerSpec(namespaceOptions && { linux: { securityContext: { namespaceOptions } } });

const messageModes = ({ network, ipc, pid }: NamespaceOption) => ({ network, ipc, pid });

describe("inPodNamespaces", () => {
  test.each<readonly [Modes | undefined, Modes | undefined, Modes | undefined]>([
    [undefined, undefined, undefined],
    [{ network: NODE }, undefined, { network: NODE, ipc: POD, pid: POD }],
    [{ ipc: NODE }, { pid: CONTAINER }, { network: POD, ipc: NODE, pid: CONTAINER }],
    [
      { network: NODE, ipc: NODE, pid: NODE },
      { network: NODE, ipc: NODE, pid: NODE },
      { network: NODE, ipc: NODE, pid: NODE },
    ],
    [{ pid: NODE }, { pid: POD }, { network: POD, ipc: POD, pid: POD }],
  ])("pod %j, container %j", (pod, container, expected) => {
    const options = inPodNamespaces(podOf(pod), containerOf(container)).linux?.securityContext?.namespaceOptions;
    expect(options && messageModes(fromNamespaceOptions(options))).toEqual(expected as never);
  });

  test.each(["network", "ipc", "pid"] as const)(
    "a container cannot leave its pod's %s namespace for the host's",
    (name) => {
      expect(() => inPodNamespaces(podOf(), containerOf({ [name]: NODE }))).toThrow(
        `namespace_options.${name} is NODE`,
      );
      expect(() => inPodNamespaces(podOf({ [name]: POD }), containerOf({ [name]: NODE }))).toThrow("of its own");
    },
  );

  test("a container without a security context keeps its protected paths on the host's network", () => {
    const context = inPodNamespaces(podOf({ network: NODE }), containerOf()).linux?.securityContext;
    expect(context?.maskedPaths).toContain("/proc/kcore");
    expect(context?.readonlyPaths).toContain("/proc/sysrq-trigger");
  });
});
