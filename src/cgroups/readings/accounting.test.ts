import { describe, expect, test } from "bun:test";
import { createFakeCgroupFiles } from "../files/fake-cgroup-files.ts";
import { group, openFake } from "../files/fake-host.ts";
import { readHugepageUse } from "./hugepage-use.ts";

const shared = {
  cpu: { periods: 9n, throttledPeriods: 4n, throttledNs: 5_000_000_000n },
  io: [{ device: "8:16", readBytes: 4096n, writtenBytes: 8192n, reads: 1n, writes: 2n }],
  pidsLimit: 7n,
};

describe("accounting()", () => {
  test("tells what v2 counts", () => {
    const { cgroups } = openFake("v2");
    cgroups.create(group, { pidsLimit: 7n });
    const accounting = cgroups.accounting(group);
    expect(accounting).toMatchObject({
      ...shared,
      cpu: { ...shared.cpu, userNs: 1_000_000n, systemNs: 234_000n },
      memory: { cacheBytes: 1500n, kernelBytes: 300n, peakBytes: 7000n, limitHits: 6n, ownPageFaults: 12n },
    });
    expect(accounting.memory.mappedFileBytes).toBeUndefined();
  });

  test("tells the same of v1, where every controller has its own directory", () => {
    const { cgroups } = openFake("v1");
    cgroups.create(group, { pidsLimit: 7n });
    expect(cgroups.accounting(group)).toMatchObject({
      ...shared,
      cpu: { ...shared.cpu, userNs: 700n, systemNs: 77n },
      memory: { cacheBytes: 10n, kernelBytes: 300n, peakBytes: 7000n, limitHits: 6n, ownPageFaults: 3n },
    });
  });

  test("of a group that is gone is empty, not an error", () => {
    for (const mode of ["v1", "hybrid", "v2"] as const) {
      const accounting = openFake(mode).cgroups.accounting(group);
      expect(accounting.io).toBeUndefined();
      expect(accounting.cpu.userNs).toBeUndefined();
    }
  });
});

test("huge pages are named as the kernel names its files", () => {
  const files = createFakeCgroupFiles({
    "/sys/kernel/mm/hugepages": {},
    "/g": { "hugetlb.64KB.current": "65536", "hugetlb.2MB.current": "4194304", "hugetlb.1GB.current": "0" },
    "/v1": { "hugetlb.2MB.usage_in_bytes": "2097152", "hugetlb.2MB.max_usage_in_bytes": "4194304" },
  });
  for (const size of [64, 2048, 1 << 20]) files.mkdir(`/sys/kernel/mm/hugepages/hugepages-${size}kB`);
  expect(readHugepageUse(files, "/g", 2)).toEqual([
    { pageSize: "64KB", usedBytes: 65536n, peakBytes: undefined },
    { pageSize: "2MB", usedBytes: 4194304n, peakBytes: undefined },
    { pageSize: "1GB", usedBytes: 0n, peakBytes: undefined },
  ]);
  expect(readHugepageUse(files, "/v1", 1)).toEqual([{ pageSize: "2MB", usedBytes: 2097152n, peakBytes: 4194304n }]);
});
