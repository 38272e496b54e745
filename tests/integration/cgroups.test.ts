import { afterEach, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { openHostCgroups } from "../../src/cgroups/open-host-cgroups.ts";
import type { Cgroups } from "../../src/cgroups/port.ts";
import { deviceProgram } from "../../src/cgroups/v2/device-program.ts";
import { CribError } from "../../src/errors/crib-error.ts";
import { type CgroupPath, parseCgroupPath } from "../../src/ids/path.ts";
import type { UnixNanos } from "../../src/ids/units.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import type { CgroupResources } from "../../src/oci/resources/cgroup-resources.ts";
import { cgroupDirectory, removeCgroup } from "../harness/cgroup-tree.ts";
import { waitUntil } from "../harness/wait-until.ts";

const kernel = createLinuxKernel();
const cgroups: Cgroups = openHostCgroups(kernel, { now: () => BigInt(Date.now()) as UnixNanos });
const isV2 = cgroups.mode === "v2";
const top = parseCgroupPath("/crib-cgroups-test");
const group = parseCgroupPath(`${top}/pod/container`);

const limits: CgroupResources = {
  cpuShares: 512n,
  cpuQuotaUs: 50_000n,
  cpuPeriodUs: 100_000n,
  memoryLimit: 64n << 20n,
  memorySwap: 64n << 20n,
  pidsLimit: 32n,
  devices: [
    { type: "c", major: undefined, minor: undefined, access: "m" },
    { type: "c", major: 1, minor: 3, access: "rwm" },
    { type: "c", major: 1, minor: 5, access: "r" },
  ],
};

afterEach(() => removeCgroup(top));

/** A process that has entered `procsFiles`, and is waited for when the test ends. */
function enter(procsFiles: readonly string[], script: string) {
  const enterAll = procsFiles.map((file) => `echo 0 > ${file}`).join("; ");
  const child = spawn("/bin/sh", ["-c", `${enterAll}; ${script}`], { stdio: ["ignore", "pipe", "pipe"] });
  const done = new Promise<{ code: number | null; signal: string | null; output: string }>((resolve) => {
    let output = "";
    child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
    child.stderr.on("data", (bytes: Buffer) => (output += bytes.toString()));
    child.on("close", (code, signal) => resolve({ code, signal, output }));
  });
  return { pid: child.pid ?? 0, done };
}

function value(controller: string, path: CgroupPath, file: string): string {
  return readFileSync(`${cgroupDirectory(controller, path)}/${file}`, "utf8").trim();
}

describe("a group", () => {
  test("is made with its limits in every hierarchy, and gone from all after remove", () => {
    cgroups.create(group, limits);
    expect(cgroups.exists(group)).toBe(true);
    expect(cgroups.isEmpty(group)).toBe(true);
    for (const file of cgroups.procsFiles(group)) expect(existsSync(file)).toBe(true);
    if (isV2) {
      expect(value("cpu", group, "cpu.max")).toBe("50000 100000");
      expect(value("memory", group, "memory.max")).toBe(`${64 << 20}`);
    } else {
      expect(value("cpu", group, "cpu.shares")).toBe("512");
      expect(value("cpu", group, "cpu.cfs_quota_us")).toBe("50000");
      expect(value("memory", group, "memory.limit_in_bytes")).toBe(`${64 << 20}`);
      expect(value("memory", group, "memory.memsw.limit_in_bytes")).toBe(`${64 << 20}`);
      expect(value("devices", group, "devices.list").split("\n")).toEqual(["c *:* m", "c 1:3 rwm", "c 1:5 r"]);
      expect(value("cpuset", group, "cpuset.cpus")).toBe(value("cpuset", parseCgroupPath("/"), "cpuset.cpus"));
    }
    expect(value("pids", group, "pids.max")).toBe("32");
    cgroups.create(group, limits);
    cgroups.remove(top);
    expect(cgroups.exists(top)).toBe(false);
    for (const file of cgroups.procsFiles(top)) expect(existsSync(file)).toBe(false);
    cgroups.remove(top);
  });

  test("takes processes, counts them and kills them with all they forked", async () => {
    cgroups.create(group, limits);
    const { done } = enter(cgroups.procsFiles(group), "sleep 1000 & sleep 1000 & echo ready; wait");
    await waitUntil(() => cgroups.pids(group).length === 3, { what: "three processes in the group" });
    expect(cgroups.isEmpty(group)).toBe(false);
    const stats = cgroups.stats(group);
    expect(stats.pids).toBe(3n);
    expect(stats.cpuUsageNs ?? 0n).toBeGreaterThan(0n);
    expect(stats.memory?.usageBytes ?? 0n).toBeGreaterThan(0n);
    expect(stats.memory?.limitBytes).toBe(64n << 20n);
    expect(stats.memory?.swapLimitBytes).toBe(0n);
    expect(stats.oomKills).toBe(0n);
    if (cgroups.mode !== "v1") expect(stats.cpuPressure?.some.totalUs).toBeGreaterThanOrEqual(0n);
    cgroups.kill(group);
    expect((await done).signal).toBe("SIGKILL");
    await waitUntil(() => cgroups.isEmpty(group), { what: "empty group" });
    cgroups.remove(group);
    expect(cgroups.exists(group)).toBe(false);
  });

  test.skipIf(isV2)(
    "denies devices that are not listed (skipped on v2: its program is tested alone below)",
    async () => {
      cgroups.create(group, limits);
      const script =
        "cat /dev/null && echo null; head -c1 /dev/zero >/dev/null && echo zero; head -c1 /dev/urandom || echo refused";
      const { output } = await enter(cgroups.procsFiles(group), script).done;
      expect(output).toContain("null\n");
      expect(output).toContain("zero\n");
      expect(output).toContain("Operation not permitted");
      expect(output).toContain("refused");
    },
  );

  const hugepages = `/sys/fs/cgroup/${isV2 ? "" : cgroups.mode === "hybrid" ? "unified/" : "hugetlb/"}cgroup.controllers`;
  const hasHugepages = existsSync(hugepages) && readFileSync(hugepages, "utf8").includes("hugetlb");
  const name =
    "limits huge pages through the v2 hierarchy, and still takes an exec (skipped without its hugetlb controller)";
  test.skipIf(!hasHugepages)(name, async () => {
    cgroups.create(group, { ...limits, hugepageLimits: [{ pageSize: "2MB", limit: 4n << 20n }] });
    const directory = `${dirname(hugepages)}${group}`;
    expect(readFileSync(`${directory}/hugetlb.2MB.max`, "utf8").trim()).toBe(`${4 << 20}`);
    const main = enter(cgroups.procsFiles(group), "exec sleep 1000");
    await waitUntil(() => cgroups.pids(group).length === 1, { what: "the container's process" });
    expect((await enter(cgroups.createExec(group, "e3"), "echo in").done).output).toBe("in\n");
    cgroups.removeExec(group, "e3");
    cgroups.kill(group);
    await main.done;
  });

  test("reports an OOM kill", async () => {
    cgroups.create(group, limits);
    const { done } = enter(cgroups.procsFiles(group), "head -c 200000000 /dev/zero | tail");
    await done;
    expect(cgroups.stats(group).oomKills).toBe(1n);
    expect(readFileSync(cgroups.oomFile(group) ?? "", "utf8")).toContain("oom_kill 1");
  });

  test("is removed with groups a workload made in it, however deep", () => {
    cgroups.create(group, {});
    let path = cgroupDirectory("pids", group);
    for (let depth = 0; depth < 50; depth++) {
      path += "/x";
      mkdirSync(path);
    }
    cgroups.remove(top);
    expect(existsSync(cgroupDirectory("pids", top))).toBe(false);
  });
});

describe("an update", () => {
  test("raises and lowers memory whichever way round the kernel wants it", () => {
    cgroups.create(group, limits);
    for (const mebibytes of [256n, 32n, 1024n]) {
      cgroups.update(group, { memoryLimit: mebibytes << 20n, memorySwap: mebibytes << 20n });
      expect(cgroups.stats(group).memory?.limitBytes).toBe(mebibytes << 20n);
    }
    cgroups.update(group, { memoryLimit: -1n, memorySwap: -1n });
    expect(cgroups.stats(group).memory?.limitBytes).toBeUndefined();
  });

  test("that the kernel refuses leaves everything as it was", () => {
    cgroups.create(group, limits);
    const before = value("cpu", group, isV2 ? "cpu.weight" : "cpu.shares");
    const update = { cpuShares: 2048n, cpusetCpus: "4000" };
    expect(() => cgroups.update(group, update)).toThrow(CribError);
    expect(value("cpu", group, isV2 ? "cpu.weight" : "cpu.shares")).toBe(before);
  });

  test("of a group that is not there is not-found", () => {
    try {
      cgroups.update(group, { cpuShares: 10n });
      expect.unreachable();
    } catch (error) {
      expect(CribError.is(error, "not-found")).toBe(true);
    }
  });
});

describe("an exec's group", () => {
  test("is killed without touching the container", async () => {
    cgroups.create(group, limits);
    const main = enter(cgroups.procsFiles(group), "exec sleep 1000");
    const exec = enter(cgroups.createExec(group, "e1"), "setsid sleep 1000 & exec sleep 1000");
    await waitUntil(() => cgroups.pids(group).length === 3, { what: "container and exec running" });
    cgroups.killExec(group, "e1");
    expect((await exec.done).signal).toBe("SIGKILL");
    cgroups.removeExec(group, "e1");
    // A process that is killed stays in a group until the kernel has torn it down.
    await waitUntil(() => cgroups.pids(group).length === 1, { what: "the killed processes are gone" });
    expect(cgroups.pids(group)).toEqual([main.pid]);
    cgroups.kill(group);
    await main.done;
  });

  test("hands what still runs in the background to the container", async () => {
    cgroups.create(group, limits);
    const exec = enter(cgroups.createExec(group, "e2"), "sleep 1000 >/dev/null 2>&1 &");
    expect((await exec.done).code).toBe(0);
    cgroups.removeExec(group, "e2");
    expect(cgroups.pids(group)).toHaveLength(1);
    cgroups.kill(group);
    await waitUntil(() => cgroups.isEmpty(group), { what: "empty group" });
  });
});

describe("the v2 device program", () => {
  const unified = readFileSync("/proc/mounts", "utf8").match(/^\S+ (\S+) cgroup2 /m)?.[1];

  const name = "is accepted by the kernel, enforced, and replaced on a live group (skipped without a cgroup2 mount)";
  test.skipIf(unified === undefined)(name, async () => {
    const directory = `${unified}/crib-cgroups-test-devices`;
    mkdirSync(directory);
    try {
      const readUrandom = async () => {
        const script = "head -c1 /dev/zero >/dev/null && echo zero; head -c1 /dev/urandom >/dev/null && echo urandom";
        return (await enter([`${directory}/cgroup.procs`], script).done).output;
      };
      kernel.attachDeviceProgram(directory, deviceProgram(limits.devices ?? []));
      const narrow = await readUrandom();
      expect(narrow).not.toContain("urandom\n");
      expect(narrow).not.toContain("zero: Operation not permitted");
      const wider = [{ type: "c", major: 1, minor: undefined, access: "rw" }] as const;
      kernel.attachDeviceProgram(directory, deviceProgram(wider));
      expect(await readUrandom()).toBe("zero\nurandom\n");
    } finally {
      await waitUntil(() => readFileSync(`${directory}/cgroup.procs`, "utf8") === "", { what: "empty group" });
      rmdirSync(directory);
    }
  });
});

describe("cost", () => {
  test("making one container's group takes at most a millisecond at the median", () => {
    cgroups.create(parseCgroupPath(`${top}/pod`), {});
    const times = Array.from({ length: 60 }, (_unused, index) => {
      const path = parseCgroupPath(`${top}/pod/c${index}`);
      const start = performance.now();
      cgroups.create(path, limits);
      return performance.now() - start;
    }).toSorted((a, b) => a - b);
    const median = times[30] ?? Number.POSITIVE_INFINITY;
    expect(median).toBeLessThan(1.0);
  });
});
