import { describe, expect, test } from "bun:test";
import { CribError } from "../errors/crib-error.ts";
import { Errno } from "../errors/errno.ts";
import { ErrnoError } from "../errors/errno-error.ts";
import { parseCgroupPath } from "../ids/path.ts";
import type { UnixNanos } from "../ids/units.ts";
import type { CgroupResources } from "../oci/cgroup-resources.ts";
import { type CgroupsInput, createCgroups } from "./create-cgroups.ts";
import { createFakeCgroupFiles } from "./fake-cgroup-files.ts";

const root = "/sys/fs/cgroup";
const group = parseCgroupPath("/kubepods/pod1/c1");

const v2Mountinfo = `24 23 0:22 / /proc rw - proc proc rw\n31 23 0:28 / ${root} rw,nosuid shared:4 - cgroup2 cgroup2 rw\n`;
const v1Mountinfo = [
  `31 23 0:28 / ${root} rw - tmpfs tmpfs rw,mode=755`,
  `32 31 0:29 / ${root}/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpu,cpuacct`,
  `33 31 0:30 / ${root}/cpuset rw - cgroup cgroup rw,cpuset`,
  `34 31 0:31 / ${root}/memory rw - cgroup cgroup rw,memory`,
  `35 31 0:32 / ${root}/devices rw - cgroup cgroup rw,devices`,
  `36 31 0:33 / ${root}/pids rw - cgroup cgroup rw,pids`,
  `37 31 0:34 / ${root}/freezer rw - cgroup cgroup rw,freezer`,
  `38 31 0:35 / ${root}/blkio rw - cgroup cgroup rw,blkio`,
  `39 31 0:36 / ${root}/systemd rw - cgroup cgroup rw,xattr,name=systemd`,
  "",
].join("\n");
const hybridMountinfo = `${v1Mountinfo}40 31 0:37 / ${root}/unified rw - cgroup2 cgroup2 rw\n`;

const v2Files = {
  "cgroup.controllers": "cpuset cpu io memory hugetlb pids",
  "cgroup.subtree_control": "",
  "cgroup.procs": "",
  "cgroup.kill": "",
  "cpu.weight": "100",
  "cpu.max": "max 100000",
  "cpu.stat": "usage_usec 1234\nuser_usec 1000\n",
  "cpu.pressure": "some avg10=1.50 avg60=0.20 avg300=0.00 total=99\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
  "memory.max": "max",
  "memory.swap.max": "max",
  "memory.high": "max",
  "memory.current": "5000",
  "memory.stat": "anon 3000\ninactive_file 1000\npgfault 12\npgmajfault 3\n",
  "memory.events": "low 0\noom 2\noom_kill 1\n",
  "pids.max": "max",
  "pids.current": "2",
} as const;

const common = { "cgroup.procs": "", tasks: "", "cgroup.clone_children": "0" } as const;
const v1Files = {
  [`${root}/cpu,cpuacct`]: {
    ...common,
    "cpu.shares": "1024",
    "cpu.cfs_period_us": "100000",
    "cpu.cfs_quota_us": "-1",
    "cpuacct.usage": "777\n",
  },
  [`${root}/cpuset`]: { ...common, "cpuset.cpus": "0-3", "cpuset.mems": "0" },
  [`${root}/memory`]: {
    ...common,
    "memory.limit_in_bytes": "9223372036854771712",
    "memory.memsw.limit_in_bytes": "9223372036854771712",
    "memory.usage_in_bytes": "5000\n",
    "memory.stat": "cache 1\ntotal_rss 3000\ntotal_inactive_file 6000\ntotal_swap 0\ntotal_pgfault 4\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
  },
  [`${root}/devices`]: { ...common, "devices.allow": "", "devices.deny": "" },
  [`${root}/pids`]: { ...common, "pids.max": "max", "pids.current": "3" },
  [`${root}/freezer`]: { ...common, "freezer.state": "THAWED" },
};

const hierarchies = {
  v1: { mountinfo: v1Mountinfo, files: v1Files },
  hybrid: {
    mountinfo: hybridMountinfo,
    files: {
      ...v1Files,
      [`${root}/unified`]: { ...v2Files, "cgroup.controllers": "hugetlb", "hugetlb.2MB.max": "max" },
    },
  },
  v2: { mountinfo: v2Mountinfo, files: { [root]: v2Files } },
} as const;

function open(mode: keyof typeof hierarchies, changes: Partial<CgroupsInput> = {}) {
  const files = createFakeCgroupFiles(hierarchies[mode].files);
  const programs: string[] = [];
  const killed: number[] = [];
  const cgroups = createCgroups({
    mountinfo: hierarchies[mode].mountinfo,
    root,
    files,
    clock: { now: () => 42n as UnixNanos },
    systemd: false,
    kernelKills: true,
    attachDeviceProgram: (directory, program) => void programs.push(`${directory} ${program.length / 8}`),
    sigkill: (pid) => void killed.push(pid),
    ...changes,
  });
  return { cgroups, files, programs, killed };
}

const limits: CgroupResources = {
  cpuShares: 1024n,
  cpuQuotaUs: 20_000n,
  cpuPeriodUs: 100_000n,
  memoryLimit: 1000n,
  memorySwap: 1500n,
  pidsLimit: 7n,
  devices: [{ type: "c", major: 1, minor: 3, access: "rwm" }],
};

describe("detection", () => {
  test("tells v1, hybrid and v2 apart", () => {
    for (const mode of ["v1", "hybrid", "v2"] as const) expect(open(mode).cgroups.mode).toBe(mode);
  });

  test("says what to do on a host without cgroups", () => {
    expect(() => open("v2", { mountinfo: "" })).toThrow("mount cgroup2");
  });

  test("uses no v1 hierarchy that does nothing for us", () => {
    const names = (mode: "v1" | "hybrid", changes: Partial<CgroupsInput> = {}) =>
      open(mode, changes).cgroups.containerMounts.map(({ name }) => name);
    const always = ["cpu,cpuacct", "cpuset", "memory", "devices", "pids"];
    expect(names("hybrid")).toEqual([...always, "unified"]);
    expect(names("hybrid", { kernelKills: false })).toEqual([...always, "freezer", "unified"]);
    expect(names("v1")).toEqual([...always, "freezer"]);
    expect(names("v1", { systemd: true })).toEqual([...always, "freezer", "systemd"]);
  });

  test("shows containers a joint hierarchy under each of its names", () => {
    expect(open("v1").cgroups.containerMounts[0]).toEqual({
      fsType: "cgroup",
      name: "cpu,cpuacct",
      options: ["cpu", "cpuacct"],
      aliases: ["cpu", "cpuacct"],
    });
    expect(open("v2").cgroups.containerMounts).toEqual([{ fsType: "cgroup2", name: "", options: [], aliases: [] }]);
  });
});

describe("create() on v2", () => {
  test("enables controllers from the root down, then writes the limits", () => {
    const { cgroups, files, programs } = open("v2");
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
    const { cgroups, programs } = open("v2");
    cgroups.create(group, { devicesAllowAll: true });
    cgroups.create(parseCgroupPath("/kubepods"), {});
    expect(programs).toEqual([]);
  });

  test("does not enable what the kernel does not have, and says which limit is missing", () => {
    const { cgroups } = open("v2");
    const create = () => cgroups.create(group, { hugepageLimits: [{ pageSize: "2MB", limit: 1n }] });
    expect(create).toThrow("hugetlb.2MB.max: this kernel or hierarchy has no such limit");
  });

  test("writes unified limits last, over the others", () => {
    const { cgroups, files } = open("v2");
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
      const { cgroups, files } = open("v2");
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
  const { cgroups, files } = open("v2");
  cgroups.create(parseCgroupPath("/kubepods"), {});
  files.refuse(`${root}/kubepods/cgroup.subtree_control`, "EBUSY");
  expect(() => cgroups.create(group, limits)).toThrow("a process stands in this group");
});

describe("create() on v1", () => {
  test("makes the group everywhere, with an inherited cpuset and devices denied before allowed", () => {
    const { cgroups, files, programs } = open("v1");
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
    open("v1", { files }).cgroups.create(group, limits);
    expect(files.read(`${root}/memory${group}/memory.limit_in_bytes`)).toBe("1000");
  });

  test("refuses unified limits, which need v2", () => {
    const { cgroups, files } = open("v1");
    expect(() => cgroups.create(group, { unified: new Map([["memory.high", "1"]]) })).toThrow("needs cgroup v2");
    expect(files.writes).toEqual([]);
  });
});

test("create() on a hybrid host gives v2 only what v1 cannot hold", () => {
  const { cgroups, files } = open("hybrid");
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

describe("update()", () => {
  test("turns the order round when the kernel wants swap raised before memory", () => {
    const { cgroups, files } = open("v1");
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
    const updated = open("v1", { files: stubborn }).cgroups;
    const before = files.writes.length;
    updated.update(group, { memoryLimit: 9000n, memorySwap: 9000n });
    expect(files.writes.slice(before)).toEqual([
      `${memory}/memory.memsw.limit_in_bytes = 9000`,
      `${memory}/memory.limit_in_bytes = 9000`,
    ]);
  });

  test("restores what it had written when a later limit is refused", () => {
    for (const mode of ["v1", "v2"] as const) {
      const { cgroups, files } = open(mode);
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
    const { cgroups, files } = open("v1");
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
    const { cgroups, programs } = open("v2");
    cgroups.create(group, limits);
    cgroups.update(group, { devicesAllowAll: true });
    cgroups.update(group, { cpuShares: 2n });
    expect(programs).toHaveLength(2);
    expect(programs[1]).toBe(`${root}${group} 2`);
  });
});

describe("kill()", () => {
  test("is one write where the kernel does it", () => {
    const { cgroups, files, killed } = open("v2");
    cgroups.create(group, {});
    cgroups.kill(group);
    expect(files.writes.at(-1)).toBe(`${root}${group}/cgroup.kill = 1`);
    expect(killed).toEqual([]);
  });

  test("freezes, kills and thaws on v1", () => {
    const { cgroups, files } = open("v1");
    cgroups.create(group, {});
    const freezer = `${root}/freezer${group}`;
    files.write(`${freezer}/cgroup.procs`, "10\n11\n0\n");
    const killed: number[] = [];
    const killing = open("v1", {
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
    for (const mode of ["v1", "hybrid", "v2"] as const) open(mode).cgroups.kill(group);
  });
});

describe("remove()", () => {
  test("takes children first, however deep, and can be repeated", () => {
    const { cgroups, files } = open("v2");
    cgroups.create(parseCgroupPath(`/kubepods${"/x".repeat(100)}`), {});
    cgroups.remove(parseCgroupPath("/kubepods"));
    expect(files.exists(`${root}/kubepods`)).toBe(false);
    cgroups.remove(parseCgroupPath("/kubepods"));
  });

  test("is EBUSY while a process is left", () => {
    const { cgroups, files } = open("v2");
    cgroups.create(group, {});
    files.write(`${root}${group}/cgroup.procs`, "9\n");
    expect(() => cgroups.remove(group)).toThrow("EBUSY");
    expect(cgroups.isEmpty(group)).toBe(false);
    expect(cgroups.pids(group)).toEqual([9]);
  });
});

test("removeIfUnused() takes a parent only when nothing is left in it", () => {
  const { cgroups, files } = open("hybrid");
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

describe("stats()", () => {
  test("reads v2", () => {
    const { cgroups } = open("v2");
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
    const { cgroups } = open("hybrid");
    cgroups.create(group, {});
    const stats = cgroups.stats(group);
    expect(stats).toMatchObject({ cpuUsageNs: 777n, pids: 3n, oomKills: 2n });
    // More inactive cache than usage is a race of two reads, never a negative working set.
    expect(stats.memory).toMatchObject({ usageBytes: 5000n, workingSetBytes: 0n, rssBytes: 3000n, swapUsageBytes: 0n });
    expect(stats.memory?.limitBytes).toBeUndefined();
    expect(stats.cpuPressure?.some.totalUs).toBe(99n);
  });

  test("of a group that is gone has no numbers", () => {
    expect(open("v2").cgroups.stats(group)).toMatchObject({
      cpuUsageNs: undefined,
      memory: undefined,
      pids: undefined,
    });
  });
});
