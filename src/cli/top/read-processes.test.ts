import { expect, test } from "bun:test";
import { readGroups, readProcesses } from "./read-processes.ts";

function procFiles(processes: Record<number, { cgroup: string; name?: string; inner?: number; cmdline?: string }>) {
  const files = new Map<string, string>();
  for (const [pid, { cgroup, name = "worker", inner = 1, cmdline = "" }] of Object.entries(processes)) {
    files.set(`/proc/${pid}/cgroup`, cgroup);
    files.set(`/proc/${pid}/stat`, `${pid} (${name}) S 1 1 1 0 -1 0 0 0 0 0 120 30 0 0 20 0 3 0 100 0 0`);
    files.set(
      `/proc/${pid}/status`,
      `Name:\t${name}\nUid:\t33\t33\t33\t33\nNSpid:\t${pid}\t${inner}\nVmRSS:\t    2048 kB\n`,
    );
    files.set(`/proc/${pid}/cmdline`, cmdline);
  }
  return { readText: (path: string) => files.get(path), list: () => [...Object.keys(processes), "self", "meminfo"] };
}

const v1 = (path: string): string => `7:memory:${path}\n5:pids:${path}\n0::/\n`;

test("the processes of a container's group and of those below it, as both sides see them", () => {
  const files = procFiles({
    10: { cgroup: v1("/pods/a"), cmdline: "sleep\u00001000\u0000" },
    11: { cgroup: v1("/pods/a/exec-1"), inner: 9, name: "a) b" },
    12: { cgroup: v1("/pods/ab") },
    13: { cgroup: v1("/") },
  });
  expect(readProcesses(files, readGroups(files), 10)).toEqual([
    {
      pid: 10,
      innerPid: 1,
      uid: 33,
      state: "S",
      threads: 3,
      cpuMs: 1500,
      residentBytes: 2_097_152,
      command: "sleep 1000",
    },
    {
      pid: 11,
      innerPid: 9,
      uid: 33,
      state: "S",
      threads: 3,
      cpuMs: 1500,
      residentBytes: 2_097_152,
      command: "[a) b]",
    },
  ]);
});

test("with cgroup v2 alone", () => {
  const files = procFiles({ 10: { cgroup: "0::/pods/a\n" }, 11: { cgroup: "0::/pods/b\n" } });
  expect(readProcesses(files, readGroups(files), 10).map(({ pid }) => pid)).toEqual([10]);
});

test("never everything: a process in no group of its own, or gone, has no container's processes", () => {
  const files = procFiles({ 10: { cgroup: "0::/\n" }, 11: { cgroup: "0::/\n" } });
  expect(readProcesses(files, readGroups(files), 10)).toEqual([]);
  expect(readProcesses(files, readGroups(files), 99)).toEqual([]);
});
