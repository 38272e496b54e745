import { describe, expect, test } from "bun:test";
import { CribError } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import { parseCgroupPath } from "../../ids/path.ts";
import type { UnixNanos } from "../../ids/units.ts";
import { group, limits, openFake, root } from "../files/fake-host.ts";
import { RemovalBudget, removeTree, walkTree } from "./group-tree.ts";

describe("update()", () => {
  test("turns the order round when the kernel wants swap raised before memory", () => {
    const { cgroups, files } = openFake("v1");
    cgroups.create(group, limits);
    const memory = `${root}/memory${group}`;
    let refuseOnce = true;
    const stubborn = {
      ...files,
      write(path: string, value: string) {
        if (path === `${memory}/memory.limit_in_bytes` && refuseOnce) {
          refuseOnce = false;
          throw new ErrnoError(Errno.EINVAL, "write", path);
        }
        files.write(path, value);
      },
    };
    const updated = openFake("v1", { files: stubborn }).cgroups;
    const before = files.writes.length;
    updated.update(group, { memoryLimit: 9000n, memorySwap: 9000n });
    expect(files.writes.slice(before)).toEqual([
      `${memory}/memory.memsw.limit_in_bytes = 9000`,
      `${memory}/memory.limit_in_bytes = 9000`,
    ]);
  });

  test("restores what it had written when a later limit is refused", () => {
    for (const mode of ["v1", "v2"] as const) {
      const { cgroups, files } = openFake(mode);
      cgroups.create(group, limits);
      const directory = (controller: string) => (mode === "v2" ? `${root}${group}` : `${root}/${controller}${group}`);
      files.refuse(`${directory("pids")}/pids.max`, "EBUSY", "3");
      expect(() => cgroups.update(group, { memoryLimit: 1200n, memorySwap: 1200n, pidsLimit: 3n })).toThrow(CribError);
      const limitFile = mode === "v2" ? "memory.max" : "memory.limit_in_bytes";
      expect(files.read(`${directory("memory")}/${limitFile}`)).toBe("1000");
      expect(files.read(`${directory("pids")}/pids.max`)).toBe("7");
    }
  });

  test("says so when the group uses more than the new limit", () => {
    const { cgroups, files } = openFake("v1");
    cgroups.create(group, {});
    files.refuse(`${root}/memory${group}/memory.limit_in_bytes`, "EBUSY");
    try {
      cgroups.update(group, { memoryLimit: 1n });
      expect.unreachable();
    } catch (error) {
      expect(CribError.is(error, "failed-precondition")).toBe(true);
    }
  });

  test("replaces the device program of a v2 group", () => {
    const { cgroups, programs } = openFake("v2");
    cgroups.create(group, limits);
    cgroups.update(group, { devicesAllowAll: true });
    cgroups.update(group, { cpuShares: 2n });
    expect(programs).toHaveLength(2);
    expect(programs[1]).toBe(`${root}${group} 2`);
  });
});

describe("kill()", () => {
  test("is one write where the kernel does it", () => {
    const { cgroups, files, killed } = openFake("v2");
    cgroups.create(group, {});
    cgroups.kill(group);
    expect(files.writes.at(-1)).toBe(`${root}${group}/cgroup.kill = 1`);
    expect(killed).toEqual([]);
  });

  test("freezes, kills and thaws on v1", () => {
    const { cgroups, files } = openFake("v1");
    cgroups.create(group, {});
    const freezer = `${root}/freezer${group}`;
    files.write(`${freezer}/cgroup.procs`, "10\n11\n0\n");
    const killed: number[] = [];
    const killing = openFake("v1", {
      files,
      sigkill(pid) {
        expect(files.read(`${freezer}/freezer.state`)).toBe("FROZEN");
        killed.push(pid);
        if (killed.length === 2) files.write(`${freezer}/cgroup.procs`, "");
      },
    }).cgroups;
    killing.kill(group);
    expect(killed).toEqual([10, 11]);
    expect(files.read(`${freezer}/freezer.state`)).toBe("THAWED");
  });

  test("of a group that is gone is nothing", () => {
    for (const mode of ["v1", "hybrid", "v2"] as const) openFake(mode).cgroups.kill(group);
  });
});

describe("remove()", () => {
  test("takes children first, however deep, and can be repeated", () => {
    const { cgroups, files } = openFake("v2");
    cgroups.create(parseCgroupPath(`/kubepods${"/x".repeat(100)}`), {});
    cgroups.remove(parseCgroupPath("/kubepods"));
    expect(files.exists(`${root}/kubepods`)).toBe(false);
    cgroups.remove(parseCgroupPath("/kubepods"));
  });

  test("is EBUSY while a process is left", () => {
    const { cgroups, files } = openFake("v2");
    cgroups.create(group, {});
    files.write(`${root}${group}/cgroup.procs`, "9\n");
    expect(() => cgroups.remove(group)).toThrow("EBUSY");
    expect(cgroups.isEmpty(group)).toBe(false);
    expect(cgroups.pids(group)).toEqual([9]);
  });
});

test("removeIfUnused() takes a parent only when nothing is left in it", () => {
  const { cgroups, files } = openFake("hybrid");
  const parent = parseCgroupPath("/crib");
  cgroups.create(parseCgroupPath("/crib/pod"), {});
  cgroups.removeIfUnused(parent);
  expect(cgroups.exists(parseCgroupPath("/crib/pod"))).toBe(true);
  cgroups.remove(parseCgroupPath("/crib/pod"));
  files.write(`${root}/memory/crib/cgroup.procs`, "1\n");
  cgroups.removeIfUnused(parent);
  expect(files.exists(`${root}/memory/crib`)).toBe(true);
  expect(files.exists(`${root}/pids/crib`)).toBe(false);
});

test("groups that a container made without end go a part at a time, and a part of them is looked at", () => {
  const { cgroups, files } = openFake("v1");
  cgroups.create(group, {});
  const directory = `${root}/freezer${group}`;
  for (let count = 0; count < 25; count++) files.mkdir(`${directory}/g${count}`);
  expect([...walkTree(files, directory, 10)]).toHaveLength(10);
  const left: number[] = [];
  while (files.exists(directory)) {
    try {
      removeTree(files, directory, new RemovalBudget(10));
    } catch (error) {
      expect(String(error)).toContain("EBUSY");
      left.push(files.directories(directory).length);
    }
  }
  expect(left).toEqual([16, 7]);
  // What would be removed first is looked at first: its processes are what keeps it.
  for (const name of ["a", "b"]) files.mkdir(`${root}/freezer/${name}`);
  expect([...walkTree(files, `${root}/freezer`, 2)][1]).toBe(`${root}/freezer/b`);
});

test("thousands of groups that a container made hold the event loop no longer than a few, and are all counted", async () => {
  const { cgroups, files } = openFake("v2");
  cgroups.create(group, {});
  const made = 1_000;
  for (let count = 0; count < made; count++) files.mkdir(`${root}${group}/g${count}`);
  files.write(`${root}${group}/g0/cgroup.procs`, "7\n");
  let looks = 0;
  const counting = {
    ...files,
    directories(path: string) {
      looks++;
      return looks === 1 ? files.directories(path) : [];
    },
  };
  const counted = openFake("v2", { files: counting }).cgroups;
  expect(counted.pids(group)).toEqual([]);
  expect(looks).toBeLessThanOrEqual(256);
  looks = 0;
  let turns = 0;
  const turn = async () => {
    turns++;
  };
  expect(await counted.pidsInTurns(group, turn)).toEqual([7]);
  expect(turns).toBe(made + 1);
});

describe("stats()", () => {
  test("reads v2", () => {
    const { cgroups } = openFake("v2");
    cgroups.create(group, { memoryLimit: 9000n });
    expect(cgroups.stats(group)).toEqual({
      timestampNs: 42n as UnixNanos,
      cpuUsageNs: 1_234_000n,
      memory: {
        usageBytes: 5000n,
        workingSetBytes: 4000n,
        rssBytes: 3000n,
        pageFaults: 12n,
        majorPageFaults: 3n,
        limitBytes: 9000n,
        swapUsageBytes: undefined,
        swapLimitBytes: undefined,
      },
      pids: 2n,
      oomKills: 1n,
      cpuPressure: {
        some: { avg10: 1.5, avg60: 0.2, avg300: 0, totalUs: 99n },
        full: { avg10: 0, avg60: 0, avg300: 0, totalUs: 7n },
      },
      memoryPressure: undefined,
      ioPressure: undefined,
    });
  });

  test("reads v1, with pressure where v2 stands beside it", () => {
    const { cgroups } = openFake("hybrid");
    cgroups.create(group, {});
    const stats = cgroups.stats(group);
    expect(stats).toMatchObject({ cpuUsageNs: 777n, pids: 3n, oomKills: 2n });
    // More inactive cache than usage is a race of two reads, never a negative working set.
    expect(stats.memory).toMatchObject({ usageBytes: 5000n, workingSetBytes: 0n, rssBytes: 3000n, swapUsageBytes: 0n });
    expect(stats.memory?.limitBytes).toBeUndefined();
    expect(stats.cpuPressure?.some.totalUs).toBe(99n);
  });

  test("of a group that is gone has no numbers", () => {
    expect(openFake("v2").cgroups.stats(group)).toMatchObject({
      cpuUsageNs: undefined,
      memory: undefined,
      pids: undefined,
    });
  });
});
