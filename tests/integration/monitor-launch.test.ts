import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { Errno } from "../../src/errors/errno.ts";
import { newContainerId } from "../../src/ids/object-id.ts";
import { parseHostPath, parseRootfsPath } from "../../src/ids/path.ts";
import { readArtifact } from "../../src/kernel/artifacts.ts";
import type { PlanStep } from "../../src/runtime/native/plan/steps.ts";
import { containerPlan, makeRootDirectories } from "../fixtures/launch-plans.ts";
import { monitorErrorOf, openMonitorBed, type ProcessOptions, sh } from "../harness/monitor-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Root and a real kernel: plans as the init stage carries them out. */
const SIGTERM = 15;
const SIGKILL = 9;
const bed = openMonitorBed();
afterEach(() => bed.shutdownAll());
afterAll(() => bed.remove());

describe("a container's init", () => {
  test("is told with its exit code, and leaves a record before", async () => {
    const pod = await bed.openPod();
    for (const code of [0, 7, 255]) {
      const started = await bed.start(pod, { argv: ["/hello", "exit", String(code)] });
      const exit = await started.exit();
      expect(exit).toMatchObject({ exitCode: code, signal: 0, oomKilled: false });
      expect(exit.finishedAtNs).toBeGreaterThanOrEqual(started.startedAtNs);
      expect(bed.launcher.readExitRecords(pod.directory)).toContainEqual(exit);
    }
  });

  test("that a signal ends has 128 + signal", async () => {
    const pod = await bed.openPod();
    const started = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    await pod.monitor.signal(started.id, SIGKILL);
    expect(await started.exit()).toMatchObject({ exitCode: 137, signal: SIGKILL, oomKilled: false });
    await pod.monitor.signal(started.id, SIGKILL);
  });

  test("gets signals it handles", async () => {
    const pod = await bed.openPod();
    const started = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    await waitUntil(() => readFileSync(`/proc/${started.pid}/status`, "utf8").includes("SigCgt:\t0000000000004002"), {
      what: "the handler",
    });
    await pod.monitor.signal(started.id, SIGTERM);
    expect((await started.exit()).exitCode).toBe(128 + SIGTERM);
  });

  test("lives in the pod's namespaces and its own", async () => {
    const pod = await bed.openPod();
    const started = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const namespace = (pid: number | "self", name: string) => readlinkSync(`/proc/${pid}/ns/${name}`);
    for (const name of ["net", "ipc", "uts"]) {
      expect(namespace(started.pid, name)).toBe(namespace(pod.monitor.pid, name));
      expect(namespace(started.pid, name)).not.toBe(namespace("self", name));
    }
    for (const name of ["mnt", "pid", "cgroup"]) {
      expect(namespace(started.pid, name)).not.toBe(namespace(pod.monitor.pid, name));
    }
  });

  test("has 0, 1 and 2 open and nothing else (CVE-2024-21626)", async () => {
    const pod = await bed.openPod();
    const started = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    expect(readdirSync(`/proc/${started.pid}/fd`).sort()).toEqual(["0", "1", "2"]);
  });

  test("cannot have a descriptor of the stage as working directory or program (CVE-2024-21626)", async () => {
    const pod = await bed.openPod();
    for (let fd = 3; fd < 24; fd++) {
      const failure = await monitorErrorOf(bed.start(pod, { argv: ["/hello"], cwd: `/proc/self/fd/${fd}` }));
      expect(failure.failure.step).toBe("working-directory");
      expect([Errno.ELOOP, Errno.ENOENT, Errno.ENOTDIR]).toContain(failure.failure.errno as never);
    }
    const failure = await monitorErrorOf(bed.start(pod, { argv: ["/proc/self/fd/3"] }));
    expect(failure.failure.step).toBe("exec");
    expect(await pod.monitor.list()).toEqual([]);
  });

  test("is confined as the plan says", async () => {
    const pod = await bed.openPod();
    const program = bed.kernel.compileSeccomp({
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64"],
      flags: [],
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1, args: [] }],
    });
    const started = await bed.start(pod, {
      argv: sh("busybox mkdir /x; busybox cat /proc/self/status"),
      seccomp: program,
      uid: 1234,
    });
    await started.exit();
    const lines = started.lines().map(({ text }) => text);
    expect(lines).toContain("mkdir: can't create directory '/x': Operation not permitted");
    expect(lines).toContain("Seccomp:\t2");
    expect(lines).toContain("NoNewPrivs:\t1");
    expect(lines).toContain("Uid:\t1234\t1234\t1234\t1234");
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) expect(lines).toContain(`${set}:\t0000000000000000`);
    expect(lines).toContain("CapBnd:\t00000000a80425fb");
  });

  test("starts with no signal blocked or ignored", async () => {
    const pod = await bed.openPod();
    const started = await bed.start(pod, { argv: ["/hello", "cat", "/proc/self/status"] });
    await started.exit();
    const lines = started.lines().map(({ text }) => text);
    expect(lines).toContain("SigBlk:\t0000000000000000");
    expect(lines).toContain("SigIgn:\t0000000000000000");
  });

  test("can reopen its output as a user who did not make the pipe", async () => {
    const pod = await bed.openPod();
    const started = await bed.start(pod, { argv: sh("echo again > /proc/self/fd/1"), uid: 1000 });
    expect((await started.exit()).exitCode).toBe(0);
    expect(started.lines().map(({ text }) => text)).toEqual(["again"]);
  });

  test("sees masked and read-only paths so", async () => {
    const pod = await bed.openPod();
    const started = await bed.start(pod, {
      argv: sh(
        "busybox wc -c < /proc/keys; busybox ls /sys/firmware; echo x > /proc/sys/kernel/hostname; touch /sys/firmware/x",
      ),
    });
    await started.exit();
    const lines = started.lines().map(({ text }) => text);
    expect(lines[0]).toBe("0");
    expect(lines.join("\n")).toContain("/proc/sys/kernel/hostname: Read-only file system");
    expect(lines.join("\n")).not.toContain("acpi");
  });

  test("leaves no mount on the host", async () => {
    const pod = await bed.openPod();
    await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(bed.path);
  });
});

describe("a plan that fails", () => {
  test("says which step, which call, on what", async () => {
    const pod = await bed.openPod();
    const cases: readonly { plan: ProcessOptions; step: string; errno: number; says: string }[] = [
      { plan: { argv: ["no-such-program"] }, step: "exec", errno: Errno.ENOENT, says: "not found in $PATH" },
      { plan: { argv: ["/no/such"] }, step: "exec", errno: Errno.ENOENT, says: '"/no/such"' },
      { plan: { argv: ["/etc-file"] }, step: "exec", errno: Errno.ENOENT, says: '"/etc-file"' },
      { plan: { argv: ["/dev/null"] }, step: "exec", errno: Errno.EACCES, says: "permission denied" },
      {
        plan: { argv: ["/hello"], late: [{ kind: "sysctl", key: "kernel/no_such_key", value: "1" }] },
        step: "sysctl",
        errno: Errno.ENOENT,
        says: "kernel/no_such_key",
      },
      {
        plan: {
          argv: ["/hello"],
          mounts: [{ kind: "open-source", slot: 0, path: parseHostPath("/no/such/source"), recursive: false }],
        },
        step: "open-source",
        errno: Errno.ENOENT,
        says: "/no/such/source",
      },
      {
        plan: {
          argv: ["/hello"],
          mounts: [
            {
              kind: "mount",
              fsType: "nosuchfs",
              source: "",
              target: parseRootfsPath("/x"),
              attributes: 0,
              options: [],
            },
          ],
        },
        step: "mount",
        errno: Errno.ENODEV,
        says: "nosuchfs",
      },
      {
        plan: {
          argv: ["/hello"],
          mounts: [
            {
              kind: "mount",
              fsType: "tmpfs",
              source: "",
              target: parseRootfsPath("/x"),
              attributes: 0,
              options: ["colour=green"],
            },
          ],
        },
        step: "mount",
        errno: Errno.EINVAL,
        says: "colour=green",
      },
    ];
    for (const { plan, step, errno, says } of cases) {
      const error = await monitorErrorOf(bed.start(pod, plan));
      expect(error.failure).toMatchObject({ step, errno });
      expect(error.message).toContain(says);
    }
    expect(await pod.monitor.list()).toEqual([]);
    expect(bed.launcher.readExitRecords(pod.directory)).toEqual([]);
  });

  test("refuses /proc and /sys that are links, and mounts over procfs (CVE-2019-19921, CVE-2019-16884)", async () => {
    const pod = await bed.openPod();
    for (const name of ["proc", "sys"]) {
      const linked = makeRootDirectories(join(bed.path, `linked-${name}`), { hello: readArtifact("hello") });
      mkdirSync(join(linked.lower, "elsewhere"));
      Bun.spawnSync(["ln", "-s", "/elsewhere", join(linked.lower, name)]);
      const error = await monitorErrorOf(
        pod.monitor.start({
          id: newContainerId(),
          plan: containerPlan({ root: linked, argv: ["/hello"] }),
          terminal: false,
          stdin: false,
          stdinOnce: false,
          logPath: undefined,
          oomFile: undefined,
        }),
      );
      expect(error.message).toContain("must be mounted on an ordinary directory");
    }
    const over: PlanStep = {
      kind: "mount",
      fsType: "tmpfs",
      source: "",
      target: parseRootfsPath("/proc/sys/kernel"),
      attributes: 0,
      options: [],
    };
    expect((await monitorErrorOf(bed.start(pod, { argv: ["/hello"], mounts: [over] }))).message).toContain(
      "mount over procfs",
    );
  });

  test("makes nothing outside a root whose /dev is a link (CVE-2026-41579)", async () => {
    const pod = await bed.openPod();
    const outside = join(bed.path, "outside");
    mkdirSync(outside);
    const linked = makeRootDirectories(join(bed.path, "linked-dev"), { hello: readArtifact("hello") });
    Bun.spawnSync(["ln", "-s", outside, join(linked.lower, "dev")]);
    const error = await monitorErrorOf(
      pod.monitor.start({
        id: newContainerId(),
        plan: containerPlan({ root: linked, argv: ["/hello"] }),
        terminal: false,
        stdin: false,
        stdinOnce: false,
        logPath: undefined,
        oomFile: undefined,
      }),
    );
    expect(error.failure).toMatchObject({ step: "mask", errno: Errno.ELOOP, path: "/dev/null" });
    expect(readdirSync(outside)).toEqual([]);
  });

  test("that is not a plan is refused before anything is cloned", async () => {
    const pod = await bed.openPod();
    const error = await monitorErrorOf(
      pod.monitor.start({
        id: newContainerId(),
        plan: { cloneFlags: 0, pidNamespace: { kind: "host" }, join: undefined, steps: [{ kind: "pivot" }] },
        terminal: false,
        stdin: false,
        stdinOnce: false,
        logPath: undefined,
        oomFile: undefined,
      }),
    );
    expect(error.message).toContain("no exec at the end");
  });
});

describe("a shared pid namespace", () => {
  test("shows the containers of the pod to each other, and orphans are reaped", async () => {
    const pod = await bed.openPod({ pidInit: true });
    await bed.start(pod, { argv: ["/hello", "sleep", "1000"], pidNamespace: { kind: "pod" } });
    const orphaning = await bed.start(pod, {
      argv: sh("(busybox sleep 0.05 &); busybox ps -o args; busybox sleep 0.3; busybox ps -o args,stat"),
      pidNamespace: { kind: "pod" },
    });
    await orphaning.exit();
    const text = orphaning.log();
    expect(text).toContain("/hello sleep 1000");
    expect(text).toContain("crib-init");
    expect(text).not.toMatch(/ Z/);
  });

  test("is refused in a pod without one", async () => {
    const pod = await bed.openPod();
    const error = await monitorErrorOf(bed.start(pod, { argv: ["/hello"], pidNamespace: { kind: "pod" } }));
    expect(error.message).toContain("the pod has no init");
  });
});
