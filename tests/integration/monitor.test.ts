import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { CribError } from "../../src/errors/crib-error.ts";
import { Errno } from "../../src/errors/errno.ts";
import { type ContainerId, newContainerId, newExecId, newSandboxId, type SandboxId } from "../../src/ids/object-id.ts";
import { type HostPath, parseHostPath, parseRootfsPath } from "../../src/ids/path.ts";
import { readArtifact } from "../../src/kernel/artifacts.ts";
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUTS } from "../../src/kernel/clone-flags.ts";
import { createLinuxKernel } from "../../src/kernel/linux.ts";
import { MonitorError } from "../../src/runtime/monitor/launch-failure.ts";
import { createMonitorLauncher } from "../../src/runtime/monitor/launcher.ts";
import type { ContainerExit, ExecSession, Monitor, StartRequest, StartResult } from "../../src/runtime/monitor/port.ts";
import type { PlanStep } from "../../src/runtime/plan/steps.ts";
import {
  type ContainerPlanOptions,
  containerPlan,
  execPlan,
  makeRootDirectories,
  type RootDirectories,
} from "../fixtures/launch-plans.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { openWorkspace, type Workspace } from "../harness/workspace.ts";

/** Root and a real kernel: the monitor, its init stage and the workload are what is tested, through the daemon's client. */
const kernel = createLinuxKernel();
const monitorExecutable = kernel.sealedMemfd("crib-monitor", readArtifact("crib-monitor"));
const launcher = createMonitorLauncher({ kernel, monitorExecutable });

const SIGTERM = 15;
const SIGKILL = 9;

let workspace: Workspace;
let root: RootDirectories;
const live: Monitor[] = [];

beforeAll(() => {
  workspace = openWorkspace("monitor");
  root = makeRootDirectories(join(workspace.path, "root"), { hello: readArtifact("hello") });
});

afterEach(async () => {
  for (const monitor of live.splice(0)) await monitor.shutdown();
});

afterAll(() => workspace.remove());

interface Pod {
  readonly id: SandboxId;
  readonly directory: HostPath;
  readonly monitor: Monitor;
  readonly exits: ContainerExit[];
}

function podDirectory(id: SandboxId): HostPath {
  const directory = join(workspace.path, id);
  mkdirSync(directory, { mode: 0o700 });
  return parseHostPath(directory);
}

async function openPod(options: { readonly pidInit?: boolean } = {}): Promise<Pod> {
  const id = newSandboxId();
  const directory = podDirectory(id);
  const monitor = await launcher.launch(id, directory);
  live.push(monitor);
  const exits: ContainerExit[] = [];
  monitor.onExit((exit) => exits.push(exit));
  await monitor.setup({
    unshare: CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
    hostname: "pod-under-test",
    loopback: true,
    pidInit: options.pidInit ?? false,
    sysctls: [],
  });
  return { id, directory, monitor, exits };
}

interface Started extends StartResult {
  readonly id: ContainerId;
  readonly logPath: HostPath;
  log(): string;
  exit(): Promise<ContainerExit>;
}

async function start(
  pod: Pod,
  plan: Omit<ContainerPlanOptions, "root">,
  request: Partial<StartRequest> = {},
): Promise<Started> {
  const id = newContainerId();
  const logPath = request.logPath ?? parseHostPath(join(pod.directory, `${id}.log`));
  const result = await pod.monitor.start({
    id,
    plan: containerPlan({ root, ...plan }),
    terminal: plan.terminal ?? false,
    stdin: false,
    stdinOnce: false,
    logPath,
    oomFile: undefined,
    ...request,
  });
  return {
    ...result,
    id,
    logPath,
    log: () => readFileSync(logPath, "utf8"),
    exit: () => waitUntil(() => pod.exits.find((exit) => exit.id === id), { what: `exit of ${id}` }),
  };
}

/** A shell inside the container; its applets are busybox's own. */
function sh(script: string): readonly string[] {
  return ["busybox", "sh", "-c", script];
}

interface LogLine {
  readonly time: string;
  readonly stream: string;
  readonly tag: string;
  readonly text: string;
}

function parseLog(text: string): readonly LogLine[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) (.*)$/s.exec(line);
      if (match === null) throw new Error(`not a CRI log line: ${JSON.stringify(line.slice(0, 120))}`);
      const [, time = "", stream = "", tag = "", rest = ""] = match;
      return { time, stream, tag, text: rest };
    });
}

async function runExec(pod: Pod, container: Started, plan: Omit<ContainerPlanOptions, "root">, stdin = false) {
  const session = await pod.monitor.exec({
    id: newExecId(),
    containerId: container.id,
    plan: execPlan(container.pid, plan),
    terminal: plan.terminal ?? false,
    stdin,
  });
  return { session, output: collect(session) };
}

function collect(session: ExecSession): { stdout: string; stderr: string } {
  const output = { stdout: "", stderr: "" };
  session.onOutput((stream, bytes) => {
    output[stream] += Buffer.from(bytes).toString("latin1");
  });
  return output;
}

async function failureOf(work: Promise<unknown>): Promise<MonitorError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof MonitorError) return error;
    throw error;
  }
  throw new Error("expected a MonitorError");
}

describe("a container's init", () => {
  test("is told with its exit code, and leaves a record before", async () => {
    const pod = await openPod();
    for (const code of [0, 7, 255]) {
      const started = await start(pod, { argv: ["/hello", "exit", String(code)] });
      const exit = await started.exit();
      expect(exit).toMatchObject({ exitCode: code, signal: 0, oomKilled: false });
      expect(exit.finishedAtNs).toBeGreaterThanOrEqual(started.startedAtNs);
      expect(launcher.readExitRecords(pod.directory)).toContainEqual(exit);
    }
  });

  test("that a signal ends has 128 + signal", async () => {
    const pod = await openPod();
    const started = await start(pod, { argv: ["/hello", "sleep", "1000"] });
    await pod.monitor.signal(started.id, SIGKILL);
    expect(await started.exit()).toMatchObject({ exitCode: 137, signal: SIGKILL, oomKilled: false });
    await pod.monitor.signal(started.id, SIGKILL);
  });

  test("gets signals it handles", async () => {
    const pod = await openPod();
    const started = await start(pod, { argv: ["/hello", "sleep", "1000"] });
    await waitUntil(() => readFileSync(`/proc/${started.pid}/status`, "utf8").includes("SigCgt:\t0000000000004002"), {
      what: "the handler",
    });
    await pod.monitor.signal(started.id, SIGTERM);
    expect((await started.exit()).exitCode).toBe(128 + SIGTERM);
  });

  test("lives in the pod's namespaces and its own", async () => {
    const pod = await openPod();
    const started = await start(pod, { argv: ["/hello", "sleep", "1000"] });
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
    const pod = await openPod();
    const started = await start(pod, { argv: ["/hello", "sleep", "1000"] });
    expect(readdirSync(`/proc/${started.pid}/fd`).sort()).toEqual(["0", "1", "2"]);
  });

  test("cannot have a descriptor of the stage as working directory or program (CVE-2024-21626)", async () => {
    const pod = await openPod();
    for (let fd = 3; fd < 24; fd++) {
      const failure = await failureOf(start(pod, { argv: ["/hello"], cwd: `/proc/self/fd/${fd}` }));
      expect(failure.failure.step).toBe("working-directory");
      expect([Errno.ELOOP, Errno.ENOENT, Errno.ENOTDIR]).toContain(failure.failure.errno as never);
    }
    const failure = await failureOf(start(pod, { argv: ["/proc/self/fd/3"] }));
    expect(failure.failure.step).toBe("exec");
    expect(await pod.monitor.list()).toEqual([]);
  });

  test("is confined as the plan says", async () => {
    const pod = await openPod();
    const program = kernel.compileSeccomp({
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64"],
      flags: [],
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1, args: [] }],
    });
    const started = await start(pod, {
      argv: sh("busybox mkdir /x; busybox cat /proc/self/status"),
      seccomp: program,
      uid: 1234,
    });
    await started.exit();
    const lines = parseLog(started.log()).map(({ text }) => text);
    expect(lines).toContain("mkdir: can't create directory '/x': Operation not permitted");
    expect(lines).toContain("Seccomp:\t2");
    expect(lines).toContain("NoNewPrivs:\t1");
    expect(lines).toContain("Uid:\t1234\t1234\t1234\t1234");
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) expect(lines).toContain(`${set}:\t0000000000000000`);
    expect(lines).toContain("CapBnd:\t00000000a80425fb");
  });

  test("starts with no signal blocked or ignored", async () => {
    const pod = await openPod();
    const started = await start(pod, { argv: ["/hello", "cat", "/proc/self/status"] });
    await started.exit();
    const lines = parseLog(started.log()).map(({ text }) => text);
    expect(lines).toContain("SigBlk:\t0000000000000000");
    expect(lines).toContain("SigIgn:\t0000000000000000");
  });

  test("can reopen its output as a user who did not make the pipe", async () => {
    const pod = await openPod();
    const started = await start(pod, { argv: sh("echo again > /proc/self/fd/1"), uid: 1000 });
    expect((await started.exit()).exitCode).toBe(0);
    expect(parseLog(started.log()).map(({ text }) => text)).toEqual(["again"]);
  });

  test("sees masked and read-only paths so", async () => {
    const pod = await openPod();
    const started = await start(pod, {
      argv: sh(
        "busybox wc -c < /proc/keys; busybox ls /sys/firmware; echo x > /proc/sys/kernel/hostname; touch /sys/firmware/x",
      ),
    });
    await started.exit();
    const lines = parseLog(started.log()).map(({ text }) => text);
    expect(lines[0]).toBe("0");
    expect(lines.join("\n")).toContain("/proc/sys/kernel/hostname: Read-only file system");
    expect(lines.join("\n")).not.toContain("acpi");
  });

  test("leaves no mount on the host", async () => {
    const before = readFileSync("/proc/self/mountinfo", "utf8");
    const pod = await openPod();
    await start(pod, { argv: ["/hello", "sleep", "1000"] });
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(before);
  });
});

describe("a plan that fails", () => {
  test("says which step, which call, on what", async () => {
    const pod = await openPod();
    const cases: readonly { plan: Omit<ContainerPlanOptions, "root">; step: string; errno: number; says: string }[] = [
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
      const error = await failureOf(start(pod, plan));
      expect(error.failure).toMatchObject({ step, errno });
      expect(error.message).toContain(says);
    }
    expect(await pod.monitor.list()).toEqual([]);
    expect(launcher.readExitRecords(pod.directory)).toEqual([]);
  });

  test("refuses /proc and /sys that are links, and mounts over procfs (CVE-2019-19921, CVE-2019-16884)", async () => {
    const pod = await openPod();
    for (const name of ["proc", "sys"]) {
      const linked = makeRootDirectories(join(workspace.path, `linked-${name}`), { hello: readArtifact("hello") });
      mkdirSync(join(linked.lower, "elsewhere"));
      Bun.spawnSync(["ln", "-s", "/elsewhere", join(linked.lower, name)]);
      const error = await failureOf(
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
    expect((await failureOf(start(pod, { argv: ["/hello"], mounts: [over] }))).message).toContain("mount over procfs");
  });

  test("makes nothing outside a root whose /dev is a link (CVE-2026-41579)", async () => {
    const pod = await openPod();
    const outside = join(workspace.path, "outside");
    mkdirSync(outside);
    const linked = makeRootDirectories(join(workspace.path, "linked-dev"), { hello: readArtifact("hello") });
    Bun.spawnSync(["ln", "-s", outside, join(linked.lower, "dev")]);
    const error = await failureOf(
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
    const pod = await openPod();
    const error = await failureOf(
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

describe("the log", () => {
  test("keeps both streams, bytes and unfinished last lines", async () => {
    const pod = await openPod();
    const started = await start(pod, { argv: sh("printf 'one\\n\\r\\n'; echo two >&2; printf 'a\\tb\\000c\\nlast'") });
    await started.exit();
    const lines = await waitUntil(
      () => {
        const all = parseLog(started.log());
        return all.length >= 5 && all;
      },
      { what: "five lines" },
    );
    expect(lines.filter(({ stream }) => stream === "stdout").map(({ text }) => text)).toEqual([
      "one",
      "\r",
      "a\tb\0c",
      "last",
    ]);
    expect(lines.filter(({ stream }) => stream === "stderr").map(({ text }) => text)).toEqual(["two"]);
    expect(lines.every(({ tag }) => tag === "F")).toBe(true);
    expect(statSync(started.logPath).mode & 0o777).toBe(0o640);
  });

  test("cuts lines at 16 KiB into P and F", async () => {
    const pod = await openPod();
    for (const [length, pieces] of [
      [16_383, ["F16383"]],
      [16_384, ["F16384"]],
      [16_385, ["P16384", "F1"]],
      [40_000, ["P16384", "P16384", "F7232"]],
    ] as const) {
      const started = await start(pod, {
        argv: sh(`busybox head -c ${length} /dev/zero | busybox tr '\\000' x; echo`),
      });
      await started.exit();
      expect(parseLog(started.log()).map(({ tag, text }) => `${tag}${text.length}`)).toEqual([...pieces]);
    }
  });

  test("is reopened without losing or splitting a line", async () => {
    const pod = await openPod();
    const count = 20_000;
    const started = await start(pod, { argv: sh(`i=0; while [ $i -lt ${count} ]; do echo line $i; i=$((i+1)); done`) });
    const rotated: string[] = [];
    while (pod.exits.length === 0) {
      const name = `${started.logPath}.${rotated.length}`;
      renameSync(started.logPath, name);
      rotated.push(name);
      await pod.monitor.reopenLog(started.id);
    }
    const all = [...rotated, started.logPath].map((path) => readFileSync(path, "utf8"));
    expect(rotated.length).toBeGreaterThan(2);
    const texts = all.flatMap((text) => parseLog(text).map((line) => line.text));
    expect(texts).toEqual(Array.from({ length: count }, (_, index) => `line ${index}`));
  });

  test("on a full disk drops whole lines, counts them and never holds the workload", async () => {
    const pod = await openPod();
    const small = join(workspace.path, "small");
    mkdirSync(small);
    kernel.mount("tmpfs", small, "tmpfs", 0, "size=256k");
    try {
      const logPath = parseHostPath(join(small, "full.log"));
      const started = await start(
        pod,
        { argv: sh("i=0; while [ $i -lt 40000 ]; do echo a line of some length $i; i=$((i+1)); done; exit 5") },
        { logPath },
      );
      expect((await started.exit()).exitCode).toBe(5);
      const listed = (await pod.monitor.list()).find(({ id }) => id === started.id);
      const text = readFileSync(logPath, "utf8");
      expect(text.endsWith("\n")).toBe(true);
      const lines = parseLog(text);
      expect(lines.length).toBeGreaterThan(1000);
      const written = lines.reduce((sum, line) => sum + line.text.length, 0);
      const total = Array.from({ length: 40_000 }, (_, index) => `a line of some length ${index}`.length).reduce(
        (a, b) => a + b,
      );
      expect(listed?.droppedLogBytes).toBe(BigInt(total - written));
    } finally {
      kernel.umount(small, 2);
    }
  });

  test("is neither a link nor a fifo", async () => {
    const pod = await openPod();
    const target = join(pod.directory, "target");
    writeFileSync(target, "");
    for (const make of [["ln", "-s", target], ["mkfifo"]] as const) {
      const path = join(pod.directory, make[0]);
      Bun.spawnSync([...make, path]);
      const error = await failureOf(start(pod, { argv: ["/hello"] }, { logPath: parseHostPath(path) }));
      expect([Errno.ELOOP, Errno.ENXIO, Errno.EINVAL]).toContain(error.failure.errno as never);
    }
    expect(readFileSync(target, "utf8")).toBe("");
  });
});

describe("an exec", () => {
  test("has output, exit code and the container's view", async () => {
    const pod = await openPod();
    const container = await start(pod, { argv: ["/hello", "sleep", "1000"] });
    const { session, output } = await runExec(pod, container, {
      argv: sh("echo out; echo err >&2; busybox hostname; busybox ls /proc/self/fd; exit 3"),
    });
    expect(await session.exited).toEqual({ exitCode: 3, signal: 0 });
    await session.drained;
    // The fourth is the directory that ls itself reads.
    expect(output.stdout).toBe("out\npod-under-test\n0\n1\n2\n3\n");
    expect(output.stderr).toBe("err\n");
    expect((await pod.monitor.list()).map(({ id }) => id)).toEqual([container.id]);
  });

  test("reads what is written to it, in order, whatever its size", async () => {
    const pod = await openPod();
    const container = await start(pod, { argv: ["/hello", "sleep", "1000"] });
    const { session, output } = await runExec(pod, container, { argv: sh("busybox sha256sum") }, true);
    const hash = new Bun.CryptoHasher("sha256");
    const writes: Promise<void>[] = [];
    for (let i = 0; i < 40; i++) {
      const bytes = new Uint8Array(50_000 + i).fill(i);
      hash.update(bytes);
      writes.push(session.writeStdin(bytes));
    }
    await Promise.all(writes);
    await pod.monitor.closeStdin((session as unknown as { id: ReturnType<typeof newExecId> }).id);
    expect((await session.exited).exitCode).toBe(0);
    await session.drained;
    expect(output.stdout).toBe(`${hash.digest("hex")}  -\n`);
  });

  test("with a terminal has one, of the size it was given", async () => {
    const pod = await openPod();
    const container = await start(pod, { argv: ["/hello", "sleep", "1000"] });
    const { session, output } = await runExec(
      pod,
      container,
      { argv: sh("read go; busybox tty; busybox stty size"), terminal: true },
      true,
    );
    const id = (session as unknown as { id: ReturnType<typeof newExecId> }).id;
    await pod.monitor.resize(id, 132, 43);
    await session.writeStdin(Buffer.from("go\n"));
    expect((await session.exited).exitCode).toBe(0);
    await session.drained;
    expect(output.stdout).toContain("/dev/pts/0\r\n43 132\r\n");
  });

  test("delivers more output than any buffer between", async () => {
    const pod = await openPod();
    const container = await start(pod, { argv: ["/hello", "sleep", "1000"] });
    const size = 24 * 1024 * 1024;
    const { session, output } = await runExec(pod, container, { argv: sh(`busybox head -c ${size} /dev/zero`) });
    await session.exited;
    await session.drained;
    expect(output.stdout.length).toBe(size);
  });

  test("is over when its process is, though a grandchild keeps the pipe", async () => {
    const pod = await openPod();
    const container = await start(pod, { argv: ["/hello", "sleep", "1000"] });
    const { session, output } = await runExec(pod, container, { argv: sh("busybox sleep 1000 & echo started") });
    expect((await session.exited).exitCode).toBe(0);
    await waitUntil(() => output.stdout === "started\n", { what: "its output" });
    session.abandon();
    const again = await runExec(pod, container, { argv: sh("busybox ps -o args") });
    await again.session.drained;
    expect(again.output.stdout).toContain("sleep 1000");
  });

  test("in a container that is gone is refused", async () => {
    const pod = await openPod();
    const container = await start(pod, { argv: ["/hello", "exit", "0"] });
    await container.exit();
    const error = await failureOf(runExec(pod, container, { argv: ["/hello"] }));
    expect(error.code).toBe("failed-precondition");
    expect(error.message).toContain("not running");
  });
});

describe("a terminal", () => {
  test("is the container's console and controlling terminal; its output is logged", async () => {
    const pod = await openPod();
    const started = await start(
      pod,
      { argv: sh("busybox tty; busybox ls -l /dev/console; echo > /dev/tty && echo controlling"), terminal: true },
      { terminal: true },
    );
    expect((await started.exit()).exitCode).toBe(0);
    const text = parseLog(started.log()).map((line) => line.text);
    expect(text[0]).toBe("/dev/pts/0\r");
    expect(text.join("\n")).toMatch(/crw--w---- .* 136, .* \/dev\/console/);
    expect(text).toContain("controlling\r");
  });
});

describe("a shared pid namespace", () => {
  test("shows the containers of the pod to each other, and orphans are reaped", async () => {
    const pod = await openPod({ pidInit: true });
    await start(pod, { argv: ["/hello", "sleep", "1000"], pidNamespace: { kind: "pod" } });
    const orphaning = await start(pod, {
      argv: sh("(busybox sleep 0.05 &); busybox ps -o args; busybox sleep 0.3; busybox ps -o args,stat"),
      pidNamespace: { kind: "pod" },
    });
    await orphaning.exit();
    const text = orphaning.log();
    expect(text).toContain("/hello sleep 1000");
    expect(text).toContain("crib-monitor");
    expect(text).not.toMatch(/ Z/);
  });

  test("is refused in a pod without one", async () => {
    const pod = await openPod();
    const error = await failureOf(start(pod, { argv: ["/hello"], pidNamespace: { kind: "pod" } }));
    expect(error.message).toContain("the pod has no init");
  });
});

describe("the daemon", () => {
  test("may die: exits, logs and the list are there for the next one", async () => {
    const pod = await openPod();
    const staying = await start(pod, { argv: sh("while :; do echo tick; busybox sleep 0.01; done") });
    const ending = await start(pod, { argv: sh("busybox sleep 0.2; exit 9") });
    pod.monitor.disconnect();
    await waitUntil(() => launcher.readExitRecords(pod.directory).some(({ id }) => id === ending.id), {
      what: "record",
    });

    const again = await launcher.reconnect(pod.id, pod.directory);
    live.push(again);
    expect(again.pid).toBe(pod.monitor.pid);
    const listed = new Map((await again.list()).map((item) => [item.id, item]));
    expect(listed.get(ending.id)?.exit).toMatchObject({ exitCode: 9, signal: 0 });
    expect(listed.get(staying.id)).toMatchObject({
      pid: staying.pid,
      startedAtNs: staying.startedAtNs,
      exit: undefined,
    });
    const before = staying.log().length;
    await waitUntil(() => staying.log().length > before, { what: "more lines" });
    await again.forget(ending.id);
    expect((await again.list()).map(({ id }) => id)).toEqual([staying.id]);
    expect(launcher.readExitRecords(pod.directory)).toEqual([]);
    await expect(again.forget(staying.id)).rejects.toThrow("EBUSY");
  });

  test("that is killed takes its execs along, not the containers", async () => {
    const pod = await openPod();
    const container = await start(pod, { argv: ["/hello", "sleep", "1000"] });
    const second = await launcher.reconnect(pod.id, pod.directory);
    const session = await second.exec({
      id: newExecId(),
      containerId: container.id,
      plan: execPlan(container.pid, { argv: sh("busybox sleep 1000") }),
      terminal: false,
      stdin: false,
    });
    second.disconnect();
    await waitUntil(() => !existsSync(`/proc/${session.pid}`), { what: "end of the exec" });
    expect(existsSync(`/proc/${container.pid}`)).toBe(true);
    await expect(session.exited).rejects.toThrow("is gone");
  });

  test("that reads nothing holds up neither the monitor nor the workload", async () => {
    const pod = await openPod();
    const container = await start(pod, { argv: ["/hello", "sleep", "1000"] });
    // A client that sends requests and never reads: the raw protocol, its socket left unread.
    const lazy = await Bun.connect({ unix: join(pod.directory, "monitor.sock"), socket: { data() {} } });
    lazy.pause();
    const frame = (kind: number, payload: Uint8Array) => {
      const header = new DataView(new ArrayBuffer(12));
      header.setUint32(0, payload.length, true);
      header.setUint16(4, kind, true);
      header.setUint32(8, 1, true);
      return Buffer.concat([new Uint8Array(header.buffer), payload]);
    };
    lazy.write(frame(1, Uint8Array.from([0x43, 0x52, 0x4d, 0x4f, 1, 0, 0, 0])));
    const list = frame(6, new Uint8Array(0));
    for (let i = 0; i < 2000; i++) lazy.write(list);
    const { session, output } = await runExec(pod, container, { argv: ["/hello", "echo", "alive"] });
    await session.drained;
    expect(output.stdout).toBe("alive\n");
    lazy.terminate();
  });

  test("that speaks nonsense loses its connection, nobody else's", async () => {
    const pod = await openPod();
    const nonsense = [
      new Uint8Array(64).fill(0xff),
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      new Uint8Array(12),
      Uint8Array.from([8, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
      Uint8Array.from([255, 255, 255, 0, 1, 0, 0, 0, 1, 0, 0, 0]),
    ];
    for (const bytes of nonsense) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const socket = await Bun.connect({
        unix: join(pod.directory, "monitor.sock"),
        socket: { data() {}, close: () => resolve() },
      });
      socket.write(bytes);
      await promise;
    }
    expect(await pod.monitor.list()).toEqual([]);
  });

  test("learns that the monitor was killed", async () => {
    const pod = await openPod();
    const started = await start(pod, { argv: ["/hello", "sleep", "1000"] });
    const waiting = runExec(pod, started, { argv: ["/hello", "sleep", "1000"] });
    const { session } = await waiting;
    kernel.kill(pod.monitor.pid, SIGKILL);
    await pod.monitor.lost;
    await expect(session.exited).rejects.toThrow("is gone");
    await expect(pod.monitor.list()).rejects.toThrow("is gone");
    await expect(launcher.reconnect(pod.id, pod.directory)).rejects.toThrow("does not answer");
    for (const pid of [started.pid, session.pid]) if (existsSync(`/proc/${pid}`)) kernel.kill(pid, SIGKILL);
  });

  test("finds out when another monitor answers", async () => {
    const pod = await openPod();
    const error = await launcher.reconnect(newSandboxId(), pod.directory).catch((failure: unknown) => failure);
    expect(CribError.is(error, "data-loss")).toBe(true);
  });

  test("reaches a monitor whose socket path is longer than an address may be", async () => {
    const id = newSandboxId();
    const directory = join(workspace.path, "a-rather-long-name-for-a-state-directory".repeat(2), id);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const monitor = await launcher.launch(id, parseHostPath(directory));
    live.push(monitor);
    expect(existsSync(join(directory, "monitor.sock"))).toBe(true);
    const again = await launcher.reconnect(id, parseHostPath(directory));
    expect(again.pid).toBe(monitor.pid);
    again.disconnect();
  });
});

describe("shutdown", () => {
  test("kills and reaps everything, also what the containers orphaned, and is idempotent", async () => {
    const pod = await openPod({ pidInit: true });
    const own = await start(pod, { argv: sh("busybox sleep 1000 & busybox sleep 1000") });
    const shared = await start(pod, { argv: ["/hello", "sleep", "1000"], pidNamespace: { kind: "pod" } });
    const host = await start(pod, {
      argv: sh("(busybox sleep 1000 & echo $! > /orphan); exec busybox sleep 1000"),
      pidNamespace: { kind: "host" },
    });
    const orphan = await waitUntil(() => readFileSync(join(root.upper, "orphan"), "utf8").trim(), {
      what: "the orphan",
    });
    await pod.monitor.shutdown();
    await pod.monitor.shutdown();
    for (const pid of [own.pid, shared.pid, host.pid, orphan, pod.monitor.pid]) {
      await waitUntil(() => !existsSync(`/proc/${pid}`), { what: `end of ${pid}` });
    }
    rmSync(join(root.upper, "orphan"));
  });
});

describe("the monitor itself", () => {
  test("costs a pod less than 400 KiB and holds nothing it does not need", async () => {
    const pod = await openPod();
    const container = await start(pod, { argv: ["/hello", "sleep", "1000"] });
    const { session } = await runExec(pod, container, { argv: sh("busybox head -c 1000000 /dev/zero") });
    await session.drained;
    const rollup = readFileSync(`/proc/${pod.monitor.pid}/smaps_rollup`, "utf8");
    expect(Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1])).toBeLessThan(400);
    const descriptors = readdirSync(`/proc/${pod.monitor.pid}/fd`).map((fd) =>
      readlinkSync(`/proc/${pod.monitor.pid}/fd/${fd}`),
    );
    expect(descriptors.filter((target) => target.startsWith(workspace.path)).sort()).toEqual(
      [pod.directory, join(pod.directory, "exit"), container.logPath].sort(),
    );
    expect(readlinkSync(`/proc/${pod.monitor.pid}/cwd`)).toBe("/");
    expect(dirname(container.logPath)).toBe(pod.directory);
  });

  test("refuses a second setup and a container id it knows", async () => {
    const pod = await openPod();
    const setup = { unshare: 0, hostname: undefined, loopback: false, pidInit: false, sysctls: [] };
    await expect(pod.monitor.setup(setup)).rejects.toThrow("already done");
    const started = await start(pod, { argv: ["/hello", "sleep", "1000"] });
    await expect(start(pod, { argv: ["/hello"] }, { id: started.id })).rejects.toThrow("EEXIST");
  });

  test("ends when it is run as anything but a monitor", () => {
    const path = join(workspace.path, "crib-monitor");
    writeFileSync(path, readArtifact("crib-monitor"), { mode: 0o755 });
    expect(Bun.spawnSync([path, "aa", "/tmp"]).exitCode).toBe(2);
    expect(Bun.spawnSync([path]).exitCode).toBe(2);
  });
});
