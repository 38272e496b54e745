import { beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outcomeOf } from "../../harness/error-code.ts";
import { useTestBed } from "../../harness/use-test-bed.ts";

const bed = useTestBed();
const labelOf = (pid: string) => `tr -d '\\000' </proc/${pid}/attr/current`;
const labelled = (level: string, type = "container_t") => ({
  linux: { securityContext: { selinuxOptions: { user: "system_u", role: "system_r", type, level } } },
});
const processLabel = (level: string) => `system_u:system_r:container_t:${level}`;
const fileLabel = (level: string) => `system_u:object_r:container_file_t:${level}`;
const hostFileLabel = "system_u:object_r:host_file_t:s0";

const labelOfFile = (path: string) => Bun.spawnSync(["stat", "-c", "%C", path]).stdout.toString().trim();

function directoryWithFile(): string {
  const directory = mkdtempSync(join(tmpdir(), "crib-selinux-"));
  writeFileSync(join(directory, "file"), "content");
  return directory;
}

beforeAll(() => {
  writeFileSync("/sys/fs/selinux/enforce", "1");
  expect(readFileSync("/sys/fs/selinux/enforce", "utf8")).toBe("1");
});

test("a container has the label it asks for, an exec has it too, and its files are its own", async () => {
  const pod = await bed.runPod(labelled("s0:c1,c2"));
  for (const noNewPrivs of [false, true]) {
    const { selinuxOptions } = labelled("s0:c1,c2").linux.securityContext;
    const container = await bed.runIdle(pod, { linux: { securityContext: { selinuxOptions, noNewPrivs } } });
    expect(await container.sh(labelOf("self"))).toBe(processLabel("s0:c1,c2"));
    expect(await container.sh(labelOf("1"))).toBe(processLabel("s0:c1,c2"));
    const paths = ["/", "/etc/passwd", "/etc/hosts", "/etc/resolv.conf", "/dev", "/dev/null", "/dev/shm", "/dev/pts"];
    const inside = `/proc/${await container.pid()}/root`;
    for (const path of paths) expect([path, labelOfFile(inside + path)]).toEqual([path, fileLabel("s0:c1,c2")]);
    expect(await container.sh("echo x >/file && echo y >/dev/shm/file && cat /file /dev/shm/file")).toBe("x\ny");
    await container.stop();
  }
});

test("a volume is out of reach until it is relabelled, and then to containers of that level alone", async () => {
  const pod = await bed.runPod(labelled("s0:c1,c2"));
  const hostPath = directoryWithFile();
  const read = "cat /volume/file 2>&1 || true";
  const at = (level: string, selinuxRelabel: boolean) => ({
    ...labelled(level),
    mounts: [{ containerPath: "/volume", hostPath, selinuxRelabel }],
  });
  expect(await (await bed.runIdle(pod, at("s0:c1,c2", false))).sh(read)).toContain("Permission denied");
  expect(await (await bed.runIdle(pod, at("s0:c1,c2", true))).sh(read)).toBe("content");
  expect(
    Bun.spawnSync(["stat", "-c", "%C", join(hostPath, "file")])
      .stdout.toString()
      .trim(),
  ).toBe(fileLabel("s0:c1,c2"));
  expect(await (await bed.runIdle(pod, at("s0:c3", false))).sh(read)).toContain("Permission denied");
});

test("the host's directories are not relabelled", async () => {
  const pod = await bed.runPod(labelled("s0:c1"));
  for (const hostPath of ["/usr", "/etc", "/", "/tmp"]) {
    const mounts = [{ containerPath: "/volume", hostPath, selinuxRelabel: true }];
    const outcome = await outcomeOf(bed.create(pod, { ...labelled("s0:c1"), mounts }));
    expect([hostPath, outcome.code]).toEqual([hostPath, "InvalidArgument"]);
  }
  expect(labelOfFile("/etc")).toBe(hostFileLabel);
});

test("a label that the policy does not know is refused by its name, for pods and for containers", async () => {
  const pod = await bed.runPod();
  for (const wrong of [labelled("s0", "nowhere_t"), labelled("s0:c77"), labelled("s9")]) {
    const { type, level } = wrong.linux.securityContext.selinuxOptions;
    const label = `SELinux label "system_u:system_r:${type}:${level}"`;
    for (const attempt of [() => bed.create(pod, wrong), () => bed.runPod(wrong)]) {
      const outcome = await outcomeOf(attempt());
      expect(outcome.code).toBe("FailedPrecondition");
      expect(outcome.message).toContain(label);
    }
  }
});

test("who names no label runs as the daemon does", async () => {
  const pod = await bed.runPod();
  expect(await (await bed.runIdle(pod)).sh(labelOf("self"))).toStartWith("system_u:system_r:kernel_t:s0");
});
