import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { groupOf } from "../harness/container-group.ts";
import { outcomeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { processUse } from "../harness/process-memory.ts";
import { processesOf } from "../harness/processes-of.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Root and a real kernel: the daemon's descriptors run out at each moment of starting a process that then hangs. */
const bed = useTestBed();

onlyCrib("how it fails is not asked")(
  "V77: a hanging plugin at the limit of descriptors keeps no other call waiting, and outlives none of it",
  async () => {
    const { directory, pid } = bed.engine;
    const plugin = join(directory, "cni-bin", "hang");
    const started = join(directory, "started");
    mkdirSync(join(directory, "cni-bin"));
    // DEL ends: only the ADD is to hang. What hangs has the name of this run's directory in its command line.
    writeFileSync(plugin, `#!/bin/sh\n[ $CNI_COMMAND = ADD ] || exit 0\necho x >> ${started}\nexec sleep 1\n`, {
      mode: 0o755,
    });
    const list = join(directory, "no-cni", "10-hang.conflist");
    const limit = (soft: number) =>
      expect(Bun.spawnSync(["prlimit", "--pid", String(pid), `--nofile=${soft}:`]).exitCode).toBe(0);
    const usual = Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.[1]);
    // The usual network answers first, and the connection that asks below is open.
    const before = (await bed.runPod().then(() => processUse(pid))).descriptors;
    writeFileSync(list, JSON.stringify({ cniVersion: "1.0.0", name: "hang", plugins: [{ type: "hang" }] }));
    const pods: ReturnType<typeof outcomeOf>[] = [];
    let outcomes: Awaited<(typeof pods)[number]>[] = [];
    let slowestMs = 0;
    try {
      for (let free = 0; free <= 20; free++) {
        const top = Math.max(...readdirSync(`/proc/${pid}/fd`).map(Number));
        limit(top + 1 + free);
        pods.push(
          outcomeOf(
            bed.runPod({ metadata: { name: `v77-${free}`, uid: `v77-${free}`, namespace: "v77", attempt: 0 } }),
          ),
        );
        for (let asked = 0; asked < 5; asked++) {
          const at = performance.now();
          expect((await bed.cri.runtime.version({})).runtimeName).toBe("crib");
          slowestMs = Math.max(slowestMs, performance.now() - at);
          await Bun.sleep(5);
        }
      }
      outcomes = await Promise.all(pods);
      expect(outcomes.map(({ code }) => code)).not.toContain("OK");
    } finally {
      limit(usual);
      rmSync(list);
    }
    expect(slowestMs).toBeLessThan(1000);
    // A refusal tells why, also when undoing it failed for the same reason.
    for (const { message } of outcomes) expect(message).not.toMatch(/^(unexpected failure [0-9a-f]+: )?$/);
    // Some got far enough to start it: otherwise nothing was attacked.
    expect(readFileSync(started, "utf8").length).toBeGreaterThan(0);
    // Bun 1.4.5 keeps an end of the stdio of a spawn that failed at pidfd_open, of which there is one or two here.
    await waitUntil(() => processUse(pid).descriptors <= before + 2, { what: `about ${before} descriptors again` });
    expect(processesOf(plugin)).toEqual([]);
    // What could not even be undone is undone by the next daemon.
    await bed.engine.restart();
    expect(await bed.output(await bed.runPod(), "echo again")).toBe("again");
  },
  60_000,
);

onlyCrib("how it fails is not asked")(
  "V77: execs and starts at the limit of a monitor's descriptors end one way or the other, and leave nothing behind",
  async () => {
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod);
    const status = readFileSync(`/proc/${await container.pid()}/status`, "utf8");
    const monitor = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
    expect(readFileSync(`/proc/${monitor}/comm`, "utf8")).toContain("crib");
    const limit = (soft: number) =>
      expect(Bun.spawnSync(["prlimit", "--pid", String(monitor), `--nofile=${soft}:`]).exitCode).toBe(0);
    const usual = Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${monitor}/limits`, "utf8"))?.[1]);
    const before = processUse(monitor).descriptors;
    const codes: string[] = [];
    let slowestMs = 0;
    try {
      for (let free = 0; free <= 24; free++) {
        limit(Math.max(...readdirSync(`/proc/${monitor}/fd`).map(Number)) + 1 + free);
        const at = performance.now();
        codes.push((await outcomeOf(container.exec(["/bin/true"], 5))).code);
        const created = await bed.create(pod, {
          metadata: { name: `v77-${free}`, attempt: 0 },
          command: ["/bin/true"],
        });
        codes.push((await outcomeOf(created.start())).code);
        slowestMs = Math.max(slowestMs, performance.now() - at);
        await created.remove();
      }
    } finally {
      limit(usual);
    }
    // Some failed and some did not: otherwise the limit was not at the point.
    expect(codes).toContain("OK");
    expect(new Set(codes).size).toBeGreaterThan(1);
    expect(slowestMs).toBeLessThan(5000);
    expect((await container.exec(["echo", "again"])).stdout).toBe("again\n");
    await waitUntil(() => processUse(monitor).descriptors <= before, {
      what: `${before} descriptors of the monitor again`,
    });
    await pod.remove();
  },
  60_000,
);

onlyCrib("its shim is not asked")(
  "V62: a pod that fills its memory takes its monitor nothing (CVE-2019-14891)",
  async () => {
    const pod = await bed.runPod();
    const witness = await bed.runIdle(pod);
    const status = (pid: number | string) => readFileSync(`/proc/${pid}/status`, "utf8");
    const monitor = Number(/^PPid:\s+(\d+)/m.exec(status(await witness.pid()))?.[1]);
    const startTime = () => readFileSync(`/proc/${monitor}/stat`, "utf8").split(") ")[1]?.split(" ")[19];
    const startedAt = startTime();
    const podGroup = dirname(await groupOf(witness, "memory"));
    const limits = ["memory.limit_in_bytes", "memory.max"].filter((file) => existsSync(join(podGroup, file)));
    expect(limits).toHaveLength(1);
    for (const file of limits) writeFileSync(join(podGroup, file), String(48 * 1024 * 1024));
    expect(readFileSync(join(podGroup, "cgroup.procs"), "utf8").split("\n")).not.toContain(String(monitor));
    expect(readFileSync(`/proc/${monitor}/cgroup`, "utf8")).not.toContain(pod.id);
    // Lowering a score takes CAP_SYS_RESOURCE (bit 24), which a test host may lack.
    const mayLower = (BigInt(`0x${/^CapEff:\s+(\w+)/m.exec(status("self"))?.[1]}`) >> 24n) % 2n === 1n;
    const own = mayLower ? "-999" : readFileSync("/proc/self/oom_score_adj", "utf8").trim();
    expect(readFileSync(`/proc/${monitor}/oom_score_adj`, "utf8").trim()).toBe(own);
    // Both what the kernel may reclaim by killing and what it may not.
    const fill = "head -c 40000000 /dev/zero > /dev/shm/full; echo full; exec tail /dev/zero";
    const hungry = await bed.run(pod, { metadata: { name: "hungry", attempt: 0 }, command: ["sh", "-c", fill] });
    expect((await hungry.waitExit()).exitCode).toBe(137);
    expect(startTime()).toBe(startedAt);
    for (const file of limits) writeFileSync(join(podGroup, file), String(512 * 1024 * 1024));
    expect(await bed.output(pod, "rm /dev/shm/full; echo again", { metadata: { name: "again", attempt: 0 } })).toBe(
      "again",
    );
    await pod.remove();
  },
);

onlyCrib("containerd keeps these files on the disk")(
  "a container that writes to its resolv.conf, hosts and hostname without end keeps the room of the state directory",
  async () => {
    // Without what is mounted in it.
    const kibibytes = () => Number.parseInt(Bun.spawnSync(["du", "-skx", bed.engine.state]).stdout.toString(), 10);
    const pod = await bed.runPod();
    const before = kibibytes();
    const fill = "for f in resolv.conf hosts hostname; do head -c 67108864 /dev/zero >> /etc/$f; done 2>/dev/null";
    const filler = await bed.runIdle(pod);
    await filler.exec(["sh", "-c", fill]);
    expect(kibibytes() - before).toBeLessThan(1024);
    expect(await filler.sh("df -k /etc/hosts | tail -1 | awk '{print $2}'")).toBe("1024");
    // One that starts beside it has what is left of its files, and its neighbours have theirs.
    await bed.runIdle(pod, { metadata: { name: "beside", attempt: 0 } });
    expect(await bed.output(await bed.runPod(), "grep -c localhost /etc/hosts")).toBe("2");
    await pod.remove();
  },
  60_000,
);
