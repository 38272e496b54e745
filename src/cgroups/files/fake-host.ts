import { parseCgroupPath } from "../../ids/path.ts";
import type { UnixNanos } from "../../ids/units.ts";
import type { CgroupResources } from "../../oci/resources/cgroup-resources.ts";
import { type CgroupsInput, createCgroups } from "../create-cgroups.ts";
import { createFakeCgroupFiles } from "./fake-cgroup-files.ts";

export const root = "/sys/fs/cgroup";
export const group = parseCgroupPath("/kubepods/pod1/c1");

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
  "cpu.stat":
    "usage_usec 1234\nuser_usec 1000\nsystem_usec 234\nnr_periods 9\nnr_throttled 4\nthrottled_usec 5000000\n",
  "io.stat": "8:16 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n254:0 \n",
  "memory.peak": "7000",
  "io.max": "",
  "hugetlb.2MB.current": "2097152",
  "cpu.pressure": "some avg10=1.50 avg60=0.20 avg300=0.00 total=99\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
  "memory.max": "max",
  "memory.swap.max": "max",
  "memory.high": "max",
  "memory.min": "0",
  "memory.low": "0",
  "memory.current": "5000",
  "memory.stat": "anon 3000\nfile 1500\nkernel_stack 100\nslab 200\ninactive_file 1000\npgfault 12\npgmajfault 3\n",
  "memory.events": "low 0\nmax 6\noom 2\noom_kill 1\n",
  "pids.max": "max",
  "pids.current": "2",
} as const;

const common = { "cgroup.procs": "", tasks: "", "cgroup.clone_children": "0" } as const;
export const v1Files = {
  [`${root}/cpu,cpuacct`]: {
    ...common,
    "cpu.shares": "1024",
    "cpu.cfs_period_us": "100000",
    "cpu.cfs_quota_us": "-1",
    "cpu.stat": "nr_periods 9\nnr_throttled 4\nthrottled_time 5000000000\n",
    "cpuacct.usage": "777\n",
    "cpuacct.usage_user": "700\n",
    "cpuacct.usage_sys": "77\n",
  },
  [`${root}/cpuset`]: { ...common, "cpuset.cpus": "0-3", "cpuset.mems": "0" },
  [`${root}/memory`]: {
    ...common,
    "memory.limit_in_bytes": "9223372036854771712",
    "memory.memsw.limit_in_bytes": "9223372036854771712",
    "memory.usage_in_bytes": "5000\n",
    "memory.stat":
      "cache 1\npgfault 3\ntotal_cache 10\ntotal_rss 3000\ntotal_inactive_file 6000\ntotal_swap 0\ntotal_pgfault 4\n",
    "memory.failcnt": "6\n",
    "memory.max_usage_in_bytes": "7000\n",
    "memory.kmem.usage_in_bytes": "300\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
  },
  [`${root}/devices`]: { ...common, "devices.allow": "", "devices.deny": "" },
  [`${root}/pids`]: { ...common, "pids.max": "max", "pids.current": "3" },
  [`${root}/freezer`]: { ...common, "freezer.state": "THAWED" },
  [`${root}/blkio`]: {
    ...common,
    "blkio.throttle.io_service_bytes_recursive": "8:16 Read 4096\n8:16 Write 8192\n8:16 Total 12288\nTotal 12288\n",
    "blkio.throttle.io_serviced_recursive": "8:16 Read 1\n8:16 Write 2\n8:16 Total 3\nTotal 3\n",
  },
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

/** Control groups of a pretended host, with what was done to it. */
export function openFake(mode: keyof typeof hierarchies, changes: Partial<CgroupsInput> = {}) {
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

/** One of each limit. */
export const limits: CgroupResources = {
  cpuShares: 1024n,
  cpuQuotaUs: 20_000n,
  cpuPeriodUs: 100_000n,
  memoryLimit: 1000n,
  memorySwap: 1500n,
  pidsLimit: 7n,
  devices: [{ type: "c", major: 1, minor: 3, access: "rwm" }],
};
