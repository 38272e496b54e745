import { describe, expect, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { specInput } from "../../../tests/fixtures/spec-input.ts";
import { resourceLimits } from "../../../tests/fixtures/specs.ts";
import type { LinuxContainerResourcesSchema } from "../../gen/runtime/v1/api_pb.ts";
import { buildContainerSpec } from "../container-spec.ts";
import { cgroupResourcesOfSpec, limitsOfSpec, updatedLimits, withLimitsInForce } from "./resources.ts";
import { mergeResources, specResources } from "./spec-resources.ts";

function limits(init: MessageInitShape<typeof LinuxContainerResourcesSchema>) {
  return resourceLimits(init);
}

function cgroupResources(request: ReturnType<typeof limits> | undefined) {
  return limitsOfSpec(specResources(request, []));
}

describe("updatedLimits()", () => {
  const before = specResources(
    limits({ cpuShares: 5n, cpuQuota: 20_000n, cpuPeriod: 50_000n, memoryLimitInBytes: 100n, cpusetCpus: "0" }),
    [],
  );
  const updated = (request: Parameters<typeof limits>[0]) => {
    const requested = specResources(limits(request), []);
    return updatedLimits(requested, mergeResources(before, requested));
  };

  test("are those asked for, and no others", () => {
    expect(updated({ cpuShares: 7n })).toEqual({ cpuShares: 7n });
    expect(updated({ cpusetCpus: "1", unified: { "memory.high": "5" } })).toEqual({
      cpusetCpus: "1",
      unified: new Map([["memory.high", "5"]]),
    });
    expect(updated({})).toEqual({});
  });

  test("keep a quota and its period together: v2 has one file for both", () => {
    expect(updated({ cpuPeriod: 100_000n })).toEqual({ cpuPeriodUs: 100_000n, cpuQuotaUs: 20_000n });
    expect(updated({ cpuQuota: -1n })).toEqual({ cpuPeriodUs: 50_000n, cpuQuotaUs: -1n });
  });

  test("keep swap and memory together: v2 counts swap alone", () => {
    expect(updated({ memorySwapLimitInBytes: 150n })).toEqual({ memoryLimit: 100n, memorySwap: 150n });
    expect(updated({ memoryLimitInBytes: 200n })).toEqual({ memoryLimit: 200n, memorySwap: 200n });
    expect(() => updated({ memorySwapLimitInBytes: 50n })).toThrow("cannot be below memory_limit_in_bytes 100");
  });

  test("refuse swap for nothing", () => {
    const requested = specResources(limits({ memorySwapLimitInBytes: 50n }), []);
    expect(() => updatedLimits(requested, requested)).toThrow("needs a memory limit");
  });
});

test("withLimitsInForce() replaces what the kernel took otherwise, and adds nothing", () => {
  const asked = specResources(limits({ cpuShares: 5n, memoryLimitInBytes: 100n, unified: { "memory.high": "5" } }), []);
  expect(withLimitsInForce(asked, { cpuShares: 6n, memorySwap: -1n })).toEqual({
    ...asked,
    cpu: { shares: 6 },
    memory: { limit: 100, swap: -1 },
  });
  expect(withLimitsInForce({ devices: [] }, { cpuShares: 6n })).toEqual({ devices: [] });
});

describe("limitsOfSpec()", () => {
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

  for (const key of ["memory.reclaim", "cpuset.cpus.partition", "cpu.pressure", "hugetlb.2MB.events.local"]) {
    test(`refuses ${key}, which limits nothing`, () => {
      expect(() => cgroupResources(limits({ unified: { [key]: "1" } }))).toThrow("not a limit");
    });
  }

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
