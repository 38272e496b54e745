import { describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { LinuxContainerResourcesSchema } from "../gen/runtime/v1/api_pb.ts";
import { buildContainerSpec } from "./container-spec.ts";
import { cgroupResources, cgroupResourcesOfSpec } from "./resources.ts";
import { specInput } from "./spec-fixture.ts";
import { mergeResources, specResources } from "./spec-resources.ts";

function limits(init: MessageInitShape<typeof LinuxContainerResourcesSchema>) {
  return create(LinuxContainerResourcesSchema, init);
}

describe("cgroupResources()", () => {
  const cases: readonly [string, MessageInitShape<typeof LinuxContainerResourcesSchema>, object][] = [
    ["nothing", {}, {}],
    ["zeros, which are unset in the CRI", { cpuShares: 0n, cpuQuota: 0n, memoryLimitInBytes: 0n }, {}],
    ["a memory limit, which forbids swap", { memoryLimitInBytes: 100n }, { memoryLimit: 100n, memorySwap: 100n }],
    [
      "memory and swap",
      { memoryLimitInBytes: 100n, memorySwapLimitInBytes: 150n },
      { memoryLimit: 100n, memorySwap: 150n },
    ],
    [
      "unlimited swap",
      { memoryLimitInBytes: 100n, memorySwapLimitInBytes: -1n },
      { memoryLimit: 100n, memorySwap: -1n },
    ],
    ["no quota any more", { cpuQuota: -1n }, { cpuQuotaUs: -1n }],
    [
      "huge pages",
      { hugepageLimits: [{ pageSize: "1GB", limit: 1n << 31n }] },
      { hugepageLimits: [{ pageSize: "1GB", limit: 1n << 31n }] },
    ],
    ["v2 files", { unified: { "memory.high": "5" } }, { unified: new Map([["memory.high", "5"]]) }],
  ];
  for (const [name, request, expected] of cases) {
    test(`of ${name}`, () => expect(cgroupResources(limits(request))).toEqual(expected));
  }

  test("rounds what a double cannot hold by less than a page", () => {
    const most = 2n ** 63n - 1n;
    const { memoryLimit = 0n } = cgroupResources(limits({ memoryLimitInBytes: most }));
    expect(memoryLimit - most).toBeLessThan(4096n);
    expect(memoryLimit - most).toBeGreaterThan(-4096n);
  });

  test("of nothing at all is nothing", () => {
    expect(cgroupResources(undefined)).toEqual({});
  });

  for (const pageSize of ["2mb", "2MB/..", "0MB", "2", "-2MB", ""]) {
    test(`refuses the page size ${JSON.stringify(pageSize)}`, () => {
      expect(() => cgroupResources(limits({ hugepageLimits: [{ pageSize, limit: 1n }] }))).toThrow("huge page size");
    });
  }
});

describe("cgroupResourcesOfSpec()", () => {
  test("denies all devices but the listed", () => {
    const { devices, devicesAllowAll } = cgroupResourcesOfSpec(buildContainerSpec(specInput({})));
    expect(devicesAllowAll).toBeUndefined();
    expect(devices).toHaveLength(11);
    expect(devices).toContainEqual({ type: "c", major: 1, minor: 3, access: "rwm" });
    expect(devices).toContainEqual({ type: "b", major: undefined, minor: undefined, access: "m" });
  });

  test("allows a privileged container every device", () => {
    const privileged = { securityContext: { privileged: true } };
    const spec = buildContainerSpec(specInput({ linux: privileged }, { sandbox: { linux: privileged } }));
    expect(cgroupResourcesOfSpec(spec)).toEqual({ devicesAllowAll: true });
  });
});

test("mergeResources() replaces what the update sets and keeps the rest", () => {
  const current = specResources(
    limits({ cpuShares: 5n, cpuQuota: 7n, memoryLimitInBytes: 100n, unified: { "memory.high": "1" } }),
    [{ allow: false, access: "rwm" }],
  );
  const update = specResources(limits({ cpuShares: 6n, unified: { "memory.low": "2" } }), []);
  expect(mergeResources(current, update)).toEqual({
    devices: [{ allow: false, access: "rwm" }],
    cpu: { shares: 6, quota: 7 },
    memory: { limit: 100, swap: 100 },
    unified: { "memory.high": "1", "memory.low": "2" },
  });
});
