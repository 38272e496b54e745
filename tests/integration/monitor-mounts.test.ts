import { afterAll, afterEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type HostPath, parseHostPath, parseRootfsPath } from "../../src/ids/path.ts";
import type { PlanStep } from "../../src/runtime/native/plan/steps.ts";
import { openMonitorBed, type Pod, sh } from "../harness/monitor-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** E2: what a monitor has of the host, should anybody ever get where it is. Needs root. */
const bed = openMonitorBed();

afterEach(() => bed.shutdownAll());
afterAll(() => bed.remove());

const mountsOf = (pid: number): readonly string[] =>
  readFileSync(`/proc/${pid}/mountinfo`, "utf8")
    .split("\n")
    .filter((line) => line !== "");

async function openDirectory(name: string): Promise<HostPath> {
  const path = join(bed.path, name);
  mkdirSync(path, { recursive: true });
  return parseHostPath(path);
}

describe("E2: the mount namespace of a monitor", () => {
  for (const pidInit of [false, true]) {
    test(`is one empty read-only directory, ${pidInit ? "with" : "without"} an init of the pod`, async () => {
      const pod = await bed.openPod({ pidInit });
      const { pid } = pod.monitor;
      expect(readlinkSync(`/proc/${pid}/ns/mnt`)).not.toBe(readlinkSync("/proc/self/ns/mnt"));
      const mounts = mountsOf(pid);
      expect(mounts).toHaveLength(1);
      expect(mounts[0]).toMatch(/ \/ \/ ro,nosuid,nodev,noexec\S* .*- tmpfs /);
      expect(readdirSync(`/proc/${pid}/root/`)).toEqual([]);
      expect(readdirSync(`/proc/${pid}/cwd/`)).toEqual([]);
      expect(() => writeFileSync(`/proc/${pid}/root/file`, "")).toThrow("EROFS");
    });
  }

  test("stays so while containers and commands are started in the host's", async () => {
    const pod = await bed.openPod();
    const container = await bed.start(pod, { argv: ["/hello", "sleep", "1000"] });
    const { session, output } = await bed.exec(pod, container, { argv: ["/hello", "echo", "alive"] });
    await session.drained;
    expect(output.stdout).toBe("alive\n");
    expect(mountsOf(pod.monitor.pid)).toHaveLength(1);
  });

  test("keeps no stage from seeing what was mounted on the host later", async () => {
    const pod = await bed.openPod();
    const late = await openDirectory("late");
    bed.kernel.mount("tmpfs", late, "tmpfs", 0, "size=64k");
    try {
      writeFileSync(join(late, "file"), "mounted later\n");
      const started = await bed.start(pod, {
        argv: sh("busybox cat /volume/file"),
        ...volume(late),
      });
      await started.exit();
      await waitUntil(() => started.log().includes("mounted later"), { what: "the volume's file in the log" });
    } finally {
      bed.kernel.umount(late, 0);
    }
  });

  test("keeps no mount of the host's busy", async () => {
    const place = await openDirectory("busy");
    bed.kernel.mount("tmpfs", place, "tmpfs", 0, "size=64k");
    const pod = await bed.openPod();
    await logOnce(pod);
    bed.kernel.umount(place, 0);
  });
});

describe("the log, which the monitor opens itself", () => {
  test("is reached through absolute and relative links of the host's, and on mounts made later", async () => {
    const pod = await bed.openPod();
    const real = await openDirectory("logs/real");
    symlinkSync(real, join(bed.path, "logs/absolute"));
    symlinkSync("../logs/absolute", join(bed.path, "logs/relative"));
    bed.kernel.mount("tmpfs", real, "tmpfs", 0, "size=64k");
    try {
      const started = await bed.start(
        pod,
        { argv: ["/hello", "echo", "through links"] },
        { logPath: parseHostPath(join(bed.path, "logs/relative/file")) },
      );
      await started.exit();
      expect(readFileSync(join(real, "file"), "utf8")).toContain("through links");
      renameSync(join(real, "file"), join(real, "file.1"));
      await pod.monitor.reopenLog(started.id);
      expect(existsSync(join(real, "file"))).toBe(true);
      await pod.monitor.forget(started.id);
    } finally {
      await bed.shutdownAll();
      bed.kernel.umount(real, 0);
    }
  });
});

function volume(source: HostPath): { readonly sources: PlanStep[]; readonly mounts: PlanStep[] } {
  return {
    sources: [{ kind: "open-source", slot: 0, path: source, recursive: true }],
    mounts: [
      {
        kind: "bind",
        slot: 0,
        target: parseRootfsPath("/volume"),
        attributes: 0,
        recursive: true,
        propagation: "private",
      },
    ],
  };
}

async function logOnce(pod: Pod): Promise<void> {
  const started = await bed.start(pod, { argv: ["/hello", "echo", "well"] });
  await started.exit();
  expect(started.log()).toContain("well");
}
