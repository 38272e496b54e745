import { describe, expect, test } from "bun:test";
import { fakeCgroupStats } from "../../../tests/fixtures/fake-pods.ts";
import { fakeContainer, fakeSandbox } from "../../../tests/fixtures/fake-records.ts";
import { toContainerStats, toPodSandboxStats } from "./stats.ts";

/** As the kernel's file says it: microseconds. */
const pressure = {
  some: { totalUs: 10_542n, avg10: 1.5, avg60: 0.2, avg300: 0.01 },
  full: { totalUs: 7n, avg10: 0, avg60: 0, avg300: 0 },
};
const cgroup = { ...fakeCgroupStats, cpuPressure: pressure, memoryPressure: pressure, ioPressure: pressure };
const sandbox = fakeSandbox();

describe("pressure is told in nanoseconds, as the API wants it and as other engines do", () => {
  const container = toContainerStats({
    container: fakeContainer(sandbox),
    cgroup,
    usageNanoCores: undefined,
    writableLayer: undefined,
  });
  const pod = toPodSandboxStats({ sandbox, cgroup, usageNanoCores: undefined, interfaces: [], containers: [] }, 1n);
  for (const [name, psi] of [
    ["a container's CPU", container.cpu?.psi],
    ["a container's memory", container.memory?.psi],
    ["a container's I/O", container.io?.psi],
    ["a pod's CPU", pod.linux?.cpu?.psi],
    ["a pod's memory", pod.linux?.memory?.psi],
    ["a pod's I/O", pod.linux?.io?.psi],
  ] as const) {
    test(name, () => {
      expect(psi?.Some).toMatchObject({ Total: 10_542_000n, Avg10: 1.5, Avg60: 0.2, Avg300: 0.01 });
      expect(psi?.Full).toMatchObject({ Total: 7_000n, Avg10: 0 });
    });
  }
});
