import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compressLayer, type ImageRunConfig } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { buildStaticBinary } from "../fixtures/static-binary.ts";
import { killingGroupOf } from "../harness/container-group.ts";
import { codeOf, outcomeOf } from "../harness/error-code.ts";
import { childrenOf } from "../harness/monitor-process.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { processUse } from "../harness/process-memory.ts";
import { pullBusyboxWith } from "../harness/pull-busybox-with.ts";
import { runsI386 } from "../harness/runs-i386.ts";
import type { ContainerRequest } from "../harness/test-bed.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Attacks on a node, each against a running daemon; docs/security-tests.md says which row is where. */
const bed = useTestBed({ images: ["busybox", "users"] });
const crib = onlyCrib("not asked");

/** The probe program, at /probe/probe of a container. */
function probe(): NonNullable<ContainerRequest["mounts"]> {
  const hostPath = join(bed.engine.directory, "probe-directory");
  mkdirSync(hostPath, { recursive: true });
  if (!existsSync(join(hostPath, "probe"))) buildStaticBinary("probe", hostPath);
  return [{ containerPath: "/probe", hostPath, readonly: true }];
}

/** Busybox with something on top of it. */
const pullImage = (name: string, extra: LayerBuilder, config: ImageRunConfig = {}): Promise<string> =>
  pullBusyboxWith(bed, name, compressLayer(extra.build()), config);

const named = (name: string): ContainerRequest => ({ metadata: { name, attempt: 0 } });

function parentOf(pid: number): number {
  return Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** Stops everything in the container's group, whoever joins it included, until disposed of. */
async function freeze(container: TestContainer): Promise<Disposable> {
  const group = await killingGroupOf(container);
  const [file, on, off] = existsSync(join(group, "freezer.state"))
    ? ["freezer.state", "FROZEN", "THAWED"]
    : ["cgroup.freeze", "1", "0"];
  writeFileSync(join(group, file), on);
  return { [Symbol.dispose]: () => writeFileSync(join(group, file), off) };
}

describe("what enters a container", () => {
  test("V13: has no inheritable capabilities, also when some were added", async () => {
    const linux = { securityContext: { capabilities: { addCapabilities: ["NET_ADMIN", "SYS_PTRACE"] } } };
    const container = await bed.runIdle(await bed.runPod(), { linux });
    expect(await container.sh("grep CapInh /proc/self/status; grep CapInh /proc/1/status")).toBe(
      "CapInh:\t0000000000000000\nCapInh:\t0000000000000000",
    );
  });

  test("V24: runs no program and loads no library of the image on the daemon's behalf", async () => {
    const layer = new LayerBuilder();
    const trojan = "#!/bin/busybox sh\n/bin/busybox touch /trojan-ran\n";
    for (const name of ["gzip", "unpigz", "xz", "zstd", "tar", "nsenter", "socat", "sh", "id"]) {
      layer.file(`usr/bin/${name}`, trojan, { mode: 0o755 }).file(`bin/${name}`, trojan, { mode: 0o755 });
    }
    layer.file("lib/libnss_files.so.2", "no library").file("lib/x86_64-linux-gnu/libnss_files.so.2", "no library");
    const image = await pullImage("trojan", layer, { User: "alice" });
    const container = await bed.runIdle(await bed.runPod(), { imageReference: image });
    expect((await container.exec(["/bin/busybox", "ls", "/trojan-ran"])).exitCode).toBe(1);
    expect(existsSync("/trojan-ran")).toBe(false);
  });
});

describe("what a pod asks for", () => {
  crib("V14: a sysctl that smuggles another is refused, and the host's stay", async () => {
    const corePattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
    const attacks: Record<string, string>[] = [
      { "kernel.shm_rmid_forced": "1+kernel.core_pattern=|/x" },
      { "kernel.shm_rmid_forced": "1\nkernel.core_pattern = |/x" },
      { "kernel.core_pattern": "|/x" },
      { "kernel/core_pattern": "|/x" },
      { "net/../kernel/core_pattern": "x" },
      { "net.ipv4.ip_forward=1 kernel.core_pattern": "x" },
      { "kernel.shm_rmid_forced/../core_pattern": "x" },
    ];
    for (const sysctls of attacks) expect(await codeOf(bed.runPod({ linux: { sysctls } }))).toBe("InvalidArgument");
    expect(readFileSync("/proc/sys/kernel/core_pattern", "utf8")).toBe(corePattern);
  });

  crib("V18: a path of 70 KiB is refused before anything is cloned", async () => {
    const pod = await bed.runPod();
    const long = `/${"x".repeat(70 * 1024)}`;
    for (const request of [{ mounts: [{ containerPath: long, hostPath: "/tmp" }] }, { workingDir: long }]) {
      expect(await codeOf(bed.create(pod, request))).toBe("InvalidArgument");
    }
  });

  test("V19: its cgroup cannot be written from inside", async () => {
    const script = `for f in $(find /sys/fs/cgroup -name cgroup.procs -o -name memory.max -o -name release_agent -o -name memory.limit_in_bytes | head -40); do
      (echo 0 > $f) 2>/dev/null && echo "wrote $f"; done; mkdir /sys/fs/cgroup/x 2>/dev/null && echo made; true`;
    expect(await bed.output(await bed.runPod(), script)).toBe("");
  });

  test("V23: sees no power meter of the processor", async () => {
    expect(await bed.output(await bed.runPod(), "ls -A /sys/devices/virtual/powercap 2>/dev/null; true")).toBe("");
  });

  crib("V56: nothing is restored from a checkpoint, whatever it holds", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const location = join(bed.engine.directory, "checkpoint.tar");
    expect(await codeOf(bed.cri.runtime.checkpointContainer({ containerId: container.id, location }))).toBe(
      "Unimplemented",
    );
    expect(existsSync(location)).toBe(false);
  });
});

/** Without 32-bit calls there is nothing to filter: a program that makes one is killed by the kernel itself. */
const i386 = runsI386();

describe("V26: seccomp RuntimeDefault on the second instruction set", () => {
  /** Calls with what each is to answer; those of 32-bit programs only where the kernel has them. */
  const answers = async (expected: Readonly<Record<string, string>>) => {
    const calls = Object.keys(expected).filter((call) => i386 || !call.startsWith("32 "));
    const seen = await inside(calls);
    expect(Object.fromEntries(calls.map((call, at) => [call, seen[at]]))).toEqual(
      Object.fromEntries(calls.map((call) => [call, expected[call]])),
    );
  };
  const inside = async (calls: readonly string[], securityContext: object = { seccomp: { profileType: 0 } }) =>
    (
      await bed.output(await bed.runPod(), calls.map((call) => `/probe/probe ${call}`).join("; "), {
        mounts: probe(),
        linux: { securityContext },
      } as ContainerRequest)
    ).split("\n");
  const EPERM = "Operation not permitted";
  const ENOSYS = /Function not implemented|Operation not permitted/;

  test.skipIf(!i386)(
    "V26: i386 calls work, and are filtered as their 64-bit twins are (skipped on a kernel without them)",
    async () => {
      // getpid 20, personality 136 with a value of its own, mount 21, init_module 128.
      expect(await inside(["32 20", "32 136 0x1234", "32 21", "32 128"])).toEqual(["ok", EPERM, EPERM, EPERM]);
    },
  );

  test("V26: x32 calls are filtered, never let through", async () => {
    // 0x40000000 | mount, and a new mount namespace.
    const seen = await inside([`64 ${0x40000000 | 165}`, `64 ${0x40000000 | 272} 0x10000000`]);
    for (const line of seen) expect(line).toMatch(ENOSYS);
  });

  crib("V90: AF_ALG cannot be had, other families can", async () => {
    // i386: socket is 359; its socketcall(2) passes arguments in memory, where no filter sees them: an LSM's work.
    await answers({ "64 41 38 5 0": EPERM, "32 359 38 5 0": EPERM, "64 41 2 1 0": "ok", "32 359 2 1 0": "ok" });
  });

  test.skipIf(!i386)("V90: i386's socketcall goes on to give sockets of other families (skipped without)", async () => {
    expect(await inside(["socketcall 2 1 0", "socketcall 1 1 0"])).toEqual(["ok", "ok"]);
  });

  test("V91: no namespaces of one's own without CAP_SYS_ADMIN", async () => {
    // unshare(NEWUSER), clone(NEWUSER|SIGCHLD), setns.
    expect(await inside(["64 272 0x10000000", "64 56 0x10000011", "64 308 0 0"])).toEqual([EPERM, EPERM, EPERM]);
    // clone3, whose flags lie in memory: ENOSYS makes libc fall back to clone.
    expect(await inside(["64 435 0 0"])).toEqual(["Function not implemented"]);
  });

  crib("V92: no io_uring", async () => {
    expect(await inside(["64 425 1 0"])).toEqual([EPERM]);
  });

  crib("V93: AF_VSOCK cannot be had, nor a family that no kernel of today has", async () => {
    await answers({ "64 41 40 1 0": EPERM, "32 359 40 1 0": EPERM });
    // The kernel's own answer would be EAFNOSUPPORT.
    await answers({ "64 41 46 1 0": EPERM, "32 359 46 1 0": EPERM, "64 41 255 1 0": EPERM });
  });
});

describe("who an image says it is", () => {
  const passwd = (lines: string) => new LayerBuilder().file("etc/passwd", lines);
  const create = async (image: string) =>
    outcomeOf(bed.create(await bed.runPod(), { imageReference: image, command: ["id"] }));

  for (const user of ["4294967296", "2147483648:4294967295", "00000000000", "4294967295"]) {
    crib(`V50: USER ${user} is no user, also when /etc/passwd has the name`, async () => {
      const lines = `root:x:0:0::/:/bin/sh\n${user.split(":")[0]}:x:0:0::/:/bin/sh\n`;
      const image = await pullImage(`v50-${user.replace(":", "-")}`, passwd(lines), { User: user });
      expect((await create(image)).code).toBe("InvalidArgument");
    });
  }

  test("V54: a number is a number, also when /etc/passwd has it as a name", async () => {
    const securityContext = { runAsUser: { value: 1234n } };
    expect(await bed.output(await bed.runPod(), "id -u", { image: "users", linux: { securityContext } })).toBe("1234");
  });

  const layers: Readonly<Record<string, () => LayerBuilder>> = {
    "a fifo": () => new LayerBuilder().fifo("etc/passwd"),
    "a link to a file of the host": () => new LayerBuilder().symlink("etc/passwd", "../../../../../../etc/shadow"),
    "a file of 12 MiB": () => passwd(`nobody-here:x:5:5::/:/bin/sh\n${"#".repeat(12 << 20)}\n`),
    "one line of 2 MiB": () => passwd(`${"x".repeat(2 << 20)}:x:5:5::/:/bin/sh\n`),
  };
  for (const [what, layer] of Object.entries(layers)) {
    crib(`V51: /etc/passwd that is ${what} names nobody and costs nothing`, async () => {
      const image = await pullImage(`v51-${what.replaceAll(/[^a-z0-9]+/gi, "-").toLowerCase()}`, layer(), {
        User: "nobody-here",
      });
      const before = residentKib();
      expect((await create(image)).code).not.toBe("OK");
      expect(residentKib() - before).toBeLessThan(64 * 1024);
    });
  }

  test("V52: membership in a group takes a right away where the mode says so", async () => {
    const hostPath = join(bed.engine.directory, "v52");
    mkdirSync(hostPath, { recursive: true });
    writeFileSync(join(hostPath, "secret"), "secret");
    Bun.spawnSync(["chown", "0:44", join(hostPath, "secret")]);
    Bun.spawnSync(["chmod", "604", join(hostPath, "secret")]);
    const mounts = [{ containerPath: "/v", hostPath, readonly: true }];
    const securityContext = { runAsUsername: "web" };
    const read = "cat /v/secret 2>&1";
    const pod = await bed.runPod();
    expect(await bed.output(pod, read, { mounts, linux: { securityContext } })).toContain("Permission denied");
  });

  crib("V52: Strict has only the groups that are listed, and the status says so", async () => {
    const securityContext = { runAsUsername: "web", supplementalGroups: [7n], supplementalGroupsPolicy: 1 };
    const container = await bed.runIdle(await bed.runPod(), { linux: { securityContext } });
    expect(
      (await container.sh("id -G"))
        .split(" ")
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual([7, 33]);
    const { linux } = (await container.status()).user ?? {};
    expect([linux?.uid, linux?.gid, linux?.supplementalGroups]).toEqual([33n, 33n, [33n, 7n]]);
  });

  test("V53: HOME with a line break adds nobody to /etc/passwd", async () => {
    const envs = [{ key: "HOME", value: Buffer.from("/x\nevil:x:0:0::/:/bin/sh") }];
    const before = await bed.output(await bed.runPod(), "cat /etc/passwd", { image: "users" });
    expect(await bed.output(await bed.runPod(), "cat /etc/passwd", { image: "users", envs })).toBe(before);
  });
});

describe("what a workload does to the daemon", () => {
  test("V59: a log line that looks like the log's own is a line of output", async () => {
    const forged = "2026-01-01T00:00:00.000000000Z stderr F forged";
    const container = await bed.run(await bed.runPod(), { command: ["printf", `a\\n${forged}\\nb\\rc`] });
    await container.waitExit();
    await container.waitLog("b\rc");
    expect(container.log().map(({ stream, content }) => [stream, content])).toEqual([
      ["stdout", "a"],
      ["stdout", forged],
      ["stdout", "b\rc"],
    ]);
  });

  crib("V60: endless output of an exec is cut, read on, and ended by the timeout", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const before = residentKib();
    let peak = before;
    const sampler = setInterval(() => {
      peak = Math.max(peak, residentKib());
    }, 20);
    expect(await codeOf(container.exec(["cat", "/dev/zero"], 2))).toBe("DeadlineExceeded");
    expect(await container.sh("ps | grep -c '[c]at /dev/zero' || true")).toBe("0");
    const { stdout, exitCode } = await container.exec(["head", "-c", "40000000", "/dev/zero"]);
    expect([exitCode, stdout.length <= 16 << 20]).toEqual([0, true]);
    clearInterval(sampler);
    expect(peak - before).toBeLessThan(64 * 1024);
  });

  crib(
    "V60: an exec whose stage never reaches execve is ended by the timeout as well, and holds up nobody",
    async () => {
      const pod = await bed.runPod();
      const [frozen, other] = [await bed.runIdle(pod, named("frozen")), await bed.runIdle(pod, named("other"))];
      const stages = () => childrenOf(parentOf(pid)).length;
      const pid = await other.pid();
      const before = stages();
      {
        // The stage joins the container's group, and stands still there before it has become anything.
        using _ = await freeze(frozen);
        const began = performance.now();
        const hanging = Array.from({ length: 4 }, () => codeOf(frozen.exec(["true"], 1)));
        expect(await other.sh("echo alive")).toBe("alive");
        expect(await Promise.all(hanging)).toEqual(Array.from({ length: 4 }, () => "DeadlineExceeded"));
        expect(performance.now() - began).toBeLessThan(8_000);
      }
      await waitUntil(() => stages() === before, { what: "no stage is left" });
      expect(await frozen.sh("echo alive")).toBe("alive");
    },
  );

  crib(
    "V62: a directory of 10,000 levels is removed with few descriptors, and the daemon answers meanwhile",
    async () => {
      const container = await bed.run(await bed.runPod(), {
        command: ["/probe/probe", "nest", "10000"],
        workingDir: "/tmp",
        mounts: probe(),
      });
      expect((await container.waitExit()).exitCode).toBe(0);
      await container.remove();
      let mostOpen = 0;
      await waitUntil(
        async () => {
          mostOpen = Math.max(mostOpen, readdirSync(`/proc/${bed.engine.pid}/fd`).length);
          expect((await bed.cri.runtime.version({})).runtimeName).toBe("crib");
          return readdirSync(join(bed.engine.root, "trash")).length === 0;
        },
        { what: "the trash is empty", boundMs: 100_000 },
      );
      expect(mostOpen).toBeLessThan(200);
    },
    120_000,
  );

  crib("V77: without descriptors it refuses work and goes on when there are some", async () => {
    const limit = (soft: string) =>
      Bun.spawnSync(["prlimit", "--pid", String(bed.engine.pid), `--nofile=${soft}:`]).success;
    const hard = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${bed.engine.pid}/limits`, "utf8"))?.[1];
    expect(limit("4")).toBe(true);
    try {
      expect(await codeOf(bed.runPod())).not.toBe("OK");
      expect((await bed.cri.runtime.version({})).runtimeName).toBe("crib");
    } finally {
      expect(limit(hard ?? "1024")).toBe(true);
    }
    expect(await bed.output(await bed.runPod(), "echo again")).toBe("again");
  });
});

const residentKib = (): number => processUse(bed.engine.pid).rssKib;

beforeAll(() => rmSync("/trojan-ran", { force: true }));
