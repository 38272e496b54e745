import { describe, expect, test } from "bun:test";
import { parseCgroupPath } from "../ids/path.ts";
import type { CgroupResources } from "../oci/resources/cgroup-resources.ts";
import type { CgroupsInput } from "./create-cgroups.ts";
import { createFakeCgroupFiles } from "./files/fake-cgroup-files.ts";
import { group, limits, openFake, root, v1Files } from "./files/fake-host.ts";

describe("detection", () => {
  test("tells v1, hybrid and v2 apart", () => {
    for (const mode of ["v1", "hybrid", "v2"] as const) expect(openFake(mode).cgroups.mode).toBe(mode);
  });

  test("says what to do on a host without cgroups", () => {
    expect(() => openFake("v2", { mountinfo: "" })).toThrow("mount cgroup2");
  });

  test("uses no v1 hierarchy that does nothing for us", () => {
    const names = (mode: "v1" | "hybrid", changes: Partial<CgroupsInput> = {}) =>
      openFake(mode, changes).cgroups.containerMounts.map(({ name }) => name);
    const always = ["cpu,cpuacct", "cpuset", "memory", "devices", "pids"];
    expect(names("hybrid")).toEqual([...always, "blkio", "unified"]);
    expect(names("hybrid", { kernelKills: false })).toEqual([...always, "freezer", "blkio", "unified"]);
    expect(names("v1")).toEqual([...always, "freezer", "blkio"]);
    expect(names("v1", { systemd: true })).toEqual([...always, "freezer", "blkio", "systemd"]);
  });

  test("shows containers a joint hierarchy under each of its names", () => {
    expect(openFake("v1").cgroups.containerMounts[0]).toEqual({
      fsType: "cgroup",
      name: "cpu,cpuacct",
      options: ["cpu", "cpuacct"],
      aliases: ["cpu", "cpuacct"],
    });
    expect(openFake("v2").cgroups.containerMounts).toEqual([{ fsType: "cgroup2", name: "", options: [], aliases: [] }]);
  });
});

describe("create() on v2", () => {
  test("enables controllers from the root down, then writes the limits", () => {
    const { cgroups, files, programs } = openFake("v2");
    cgroups.create(group, limits);
    const enable = "+cpu +cpuset +hugetlb +io +memory +pids";
    expect(files.writes).toEqual([
      `${root}/cgroup.subtree_control = ${enable}`,
      `${root}/kubepods/cgroup.subtree_control = ${enable}`,
      `${root}/kubepods/pod1/cgroup.subtree_control = ${enable}`,
      `${root}/kubepods/pod1/c1/cpu.weight = 100`,
      `${root}/kubepods/pod1/c1/cpu.max = 20000 100000`,
      `${root}/kubepods/pod1/c1/memory.max = 1000`,
      `${root}/kubepods/pod1/c1/memory.swap.max = 500`,
      `${root}/kubepods/pod1/c1/pids.max = 7`,
    ]);
    expect(programs).toHaveLength(1);
    expect(programs[0]).toStartWith(`${root}${group} `);
  });

  test("attaches no program to a group that may use every device", () => {
    const { cgroups, programs } = openFake("v2");
    cgroups.create(group, { devicesAllowAll: true });
    cgroups.create(parseCgroupPath("/kubepods"), {});
    expect(programs).toEqual([]);
  });

  test("does not enable what the kernel does not have, and says which limit is missing", () => {
    const { cgroups } = openFake("v2");
    const create = () => cgroups.create(group, { hugepageLimits: [{ pageSize: "2MB", limit: 1n }] });
    expect(create).toThrow("hugetlb.2MB.max: this kernel or hierarchy has no such limit");
  });

  test("writes unified limits last, over the others", () => {
    const { cgroups, files } = openFake("v2");
    cgroups.create(group, { memoryLimit: 5n, unified: new Map([["memory.max", "9"]]) });
    expect(files.read(`${root}${group}/memory.max`)).toBe("9");
  });

  const memory: readonly [string, CgroupResources, string[]][] = [
    ["no limit", { memoryLimit: -1n, memorySwap: -1n }, ["memory.max = max", "memory.swap.max = max"]],
    ["no swap", { memoryLimit: 10n, memorySwap: 10n }, ["memory.max = 10", "memory.swap.max = 0"]],
    ["swap without end", { memoryLimit: 10n, memorySwap: -1n }, ["memory.max = 10", "memory.swap.max = max"]],
    ["swap alone, which v2 cannot derive", { memorySwap: 10n }, []],
  ];
  for (const [name, resources, expected] of memory) {
    test(`converts ${name}`, () => {
      const { cgroups, files } = openFake("v2");
      cgroups.create(group, resources);
      const prefix = `${root}${group}/`;
      const written = files.writes
        .filter((write) => write.startsWith(prefix))
        .map((write) => write.slice(prefix.length));
      expect(written).toEqual(expected);
    });
  }
});

test("create() on v2 says when a process stands where none may", () => {
  const { cgroups, files } = openFake("v2");
  cgroups.create(parseCgroupPath("/kubepods"), {});
  files.refuse(`${root}/kubepods/cgroup.subtree_control`, "EBUSY");
  expect(() => cgroups.create(group, limits)).toThrow("a process stands in this group");
});

describe("create() on v1", () => {
  test("makes the group everywhere, with an inherited cpuset and devices denied before allowed", () => {
    const { cgroups, files, programs } = openFake("v1");
    cgroups.create(group, limits);
    for (const file of cgroups.procsFiles(group)) expect(files.exists(file)).toBe(true);
    expect(files.read(`${root}/cpuset${group}/cpuset.cpus`)).toBe("0-3");
    expect(files.read(`${root}/cpuset/kubepods/cgroup.clone_children`)).toBe("1");
    expect(files.writes.filter((write) => write.includes("/devices/"))).toEqual([
      `${root}/devices${group}/devices.deny = a`,
      `${root}/devices${group}/devices.allow = c 1:3 rwm`,
    ]);
    expect(files.writes).toContain(`${root}/cpu,cpuacct${group}/cpu.shares = 1024`);
    expect(files.writes).toContain(`${root}/pids${group}/pids.max = 7`);
    expect(programs).toEqual([]);
  });

  test("works without swap accounting", () => {
    const { "memory.memsw.limit_in_bytes": _swap, ...noSwap } = v1Files[`${root}/memory`];
    const files = createFakeCgroupFiles({ ...v1Files, [`${root}/memory`]: noSwap });
    openFake("v1", { files }).cgroups.create(group, limits);
    expect(files.read(`${root}/memory${group}/memory.limit_in_bytes`)).toBe("1000");
  });

  test("refuses unified limits, which need v2", () => {
    const { cgroups, files } = openFake("v1");
    expect(() => cgroups.create(group, { unified: new Map([["memory.swap.high", "1"]]) })).toThrow("needs cgroup v2");
    expect(files.writes).toEqual([]);
  });
});

test("create() on a hybrid host gives v2 only what v1 cannot hold", () => {
  const { cgroups, files } = openFake("hybrid");
  cgroups.create(group, {
    ...limits,
    hugepageLimits: [
      { pageSize: "2MB", limit: 4n },
      { pageSize: "1GB", limit: 0n },
    ],
  });
  expect(files.writes.filter((write) => write.includes("/unified"))).toEqual([
    `${root}/unified/cgroup.subtree_control = +hugetlb`,
    `${root}/unified/kubepods/cgroup.subtree_control = +hugetlb`,
    `${root}/unified/kubepods/pod1/cgroup.subtree_control = +hugetlb`,
    `${root}/unified${group}/hugetlb.2MB.max = 4`,
  ]);
});

describe("what a kubelet's MemoryQoS sends with every container", () => {
  const quality = (high: string) =>
    new Map([
      ["memory.min", "0"],
      ["memory.low", "0"],
      ["memory.high", high],
    ]);

  test("is written on v2, and taken back by an update to max", () => {
    const { cgroups, files } = openFake("v2");
    cgroups.create(group, { unified: quality("4096") });
    expect(files.writes.slice(-3)).toEqual([
      `${root}${group}/memory.min = 0`,
      `${root}${group}/memory.low = 0`,
      `${root}${group}/memory.high = 4096`,
    ]);
    cgroups.update(group, { unified: quality("max") });
    expect(files.writes.at(-1)).toBe(`${root}${group}/memory.high = max`);
  });

  test.each(["v1", "hybrid"] as const)("is left out where memory is limited by v1 (%s), and told once", (mode) => {
    const notes: string[] = [];
    const { cgroups, files } = openFake(mode, { note: (text) => void notes.push(text) });
    cgroups.create(group, { memoryLimit: 4096n, unified: quality("max") });
    cgroups.update(group, { unified: quality("5") });
    expect(files.writes.filter((write) => /memory\.(?:min|low|high) /.test(write))).toEqual([]);
    expect(files.writes).toContain(`${root}/memory${group}/memory.limit_in_bytes = 4096`);
    expect(notes).toEqual([
      "memory.min, memory.low, memory.high of containers are ignored: cgroup v1 has no such thing",
    ]);
  });
});
