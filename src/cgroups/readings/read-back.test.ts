import { describe, expect, test } from "bun:test";
import { group, limits, openFake, root } from "../files/fake-host.ts";

const asked = { ...limits, cpusetCpus: "0,1,2", cpusetMems: "0", memoryLimit: 10_000n, memorySwap: 20_000n };
const inForce = {
  cpuShares: 1024n,
  cpuQuotaUs: 20_000n,
  cpuPeriodUs: 100_000n,
  cpusetCpus: "0,1,2",
  cpusetMems: "0",
  memoryLimit: 10_000n,
  memorySwap: 20_000n,
};

describe("readBack() is what was asked for", () => {
  test.each(["v1", "hybrid", "v2"] as const)("when the kernel holds just that, on %s", (mode) => {
    const { cgroups } = openFake(mode);
    cgroups.create(group, asked);
    expect(cgroups.readBack(group, asked)).toEqual(inForce);
  });

  test("when the kernel spells it otherwise, or rounds it to pages", () => {
    const { cgroups, files } = openFake("v1");
    cgroups.create(group, asked);
    files.write(`${root}/cpuset${group}/cpuset.cpus`, "0-2\n");
    files.write(`${root}/memory${group}/memory.limit_in_bytes`, "8192\n");
    files.write(`${root}/memory${group}/memory.memsw.limit_in_bytes`, "16384\n");
    expect(cgroups.readBack(group, asked)).toEqual(inForce);
    const v2 = openFake("v2");
    v2.cgroups.create(group, asked);
    v2.files.write(`${root}${group}/memory.max`, "8192\n");
    v2.files.write(`${root}${group}/memory.swap.max`, "8192\n");
    expect(v2.cgroups.readBack(group, asked)).toEqual(inForce);
  });

  test("when no limit was asked for, however large the kernel's number for that is", () => {
    for (const mode of ["v1", "v2"] as const) {
      const { cgroups, files } = openFake(mode);
      const none = { memoryLimit: -1n, memorySwap: -1n, cpuQuotaUs: -1n };
      cgroups.create(group, none);
      if (mode === "v1") {
        files.write(`${root}/memory${group}/memory.limit_in_bytes`, "9223372036854771712\n");
        files.write(`${root}/memory${group}/memory.memsw.limit_in_bytes`, "9223372036854771712\n");
      }
      expect(cgroups.readBack(group, none)).toEqual(none);
    }
  });

  test("where the kernel has no such file", () => {
    const { cgroups } = openFake("v1");
    expect(cgroups.readBack(group, asked)).toEqual(inForce);
  });
});

describe("readBack() is the kernel's value", () => {
  test("where it is another, on v1", () => {
    const { cgroups, files } = openFake("v1");
    cgroups.create(group, asked);
    files.write(`${root}/cpu,cpuacct${group}/cpu.shares`, "262144\n");
    files.write(`${root}/cpuset${group}/cpuset.cpus`, "0-1\n");
    files.write(`${root}/memory${group}/memory.limit_in_bytes`, "1048576\n");
    expect(cgroups.readBack(group, asked)).toEqual({
      ...inForce,
      cpuShares: 262144n,
      cpusetCpus: "0-1",
      memoryLimit: 1048576n,
    });
  });

  test("where it is another, on v2", () => {
    const { cgroups, files } = openFake("v2");
    cgroups.create(group, asked);
    files.write(`${root}${group}/cpu.max`, "max 50000\n");
    files.write(`${root}${group}/memory.max`, "max\n");
    expect(cgroups.readBack(group, asked)).toEqual({
      ...inForce,
      cpuQuotaUs: -1n,
      cpuPeriodUs: 50_000n,
      memoryLimit: -1n,
      memorySwap: -1n,
    });
  });

  test("for the limits asked for alone", () => {
    const { cgroups } = openFake("v2");
    cgroups.create(group, limits);
    expect(cgroups.readBack(group, { memoryLimit: 1000n })).toEqual({ memoryLimit: 1000n });
  });
});

describe("update() on v2", () => {
  test("refuses a memory limit that could be met by killing alone, and writes nothing", () => {
    const { cgroups, files } = openFake("v2");
    cgroups.create(group, limits);
    files.write(`${root}${group}/memory.current`, "9000");
    files.write(`${root}${group}/memory.stat`, "anon 5000\nfile 4000\nshmem 1000\n");
    const before = files.writes.length;
    expect(() => cgroups.update(group, { memoryLimit: 5999n, memorySwap: 5999n, cpuShares: 9n })).toThrow(
      "6000 bytes that cannot be reclaimed, more than the new limit of 5999",
    );
    expect(() => cgroups.update(group, { unified: new Map([["memory.max", "5"]]) })).toThrow("cannot be reclaimed");
    expect(files.writes.length).toBe(before);
    cgroups.update(group, { memoryLimit: 6000n, memorySwap: 6000n });
    expect(files.read(`${root}${group}/memory.max`)).toBe("6000");
  });

  test("puts back the line of a device, and a list of CPUs that was empty", () => {
    const { cgroups, files } = openFake("v2");
    cgroups.create(group, {});
    const path = (file: string) => `${root}${group}/${file}`;
    files.write(path("io.max"), "8:0 rbps=max wbps=5 riops=max wiops=max\n8:16 rbps=max wbps=7 riops=max wiops=max");
    files.refuse(path("pids.max"), "EINVAL", "3");
    const update = (line: string) => () =>
      cgroups.update(group, {
        cpusetCpus: "0",
        unified: new Map([
          ["io.max", line],
          ["pids.max", "3"],
        ]),
      });
    expect(update("8:16 wbps=9")).toThrow("pids.max");
    expect(files.writes.slice(-2)).toEqual([
      `${path("io.max")} = 8:16 rbps=max wbps=7 riops=max wiops=max`,
      `${path("cpuset.cpus")} = \n`,
    ]);
    files.write(path("io.max"), "");
    expect(update("8:32 wbps=9 riops=3")).toThrow("pids.max");
    expect(files.read(path("io.max"))).toBe("8:32 wbps=max riops=max");
  });
});
