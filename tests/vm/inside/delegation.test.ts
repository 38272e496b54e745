import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { CgroupMountMode, LinuxContainerSecurityContextSchema } from "../../../src/gen/runtime/v1/api_pb.ts";
import { cgroupDirectory } from "../../harness/cgroup-tree.ts";
import { outcomeOf } from "../../harness/error-code.ts";
import type { TestContainer } from "../../harness/test-container.ts";
import { useTestBed } from "../../harness/use-test-bed.ts";
import { ownUsers } from "../../harness/user-namespace.ts";

const bed = useTestBed();
const { READ_WRITE } = CgroupMountMode;
const limits = { memoryLimitInBytes: 64n * 1024n * 1024n };

/** Divides its group as the kernel's documentation tells a delegatee to, then tries to lift its limit and to leave. */
const divide = `cd /sys/fs/cgroup
mkdir work && echo 0 > work/cgroup.procs && echo divided
for pid in $(cat cgroup.procs); do echo $pid > work/cgroup.procs; done
echo +memory > cgroup.subtree_control && echo controls
echo max > memory.max 2>/dev/null && echo lifted || echo limited`;

async function groupOf(container: TestContainer): Promise<string> {
  const [, , group = ""] = readFileSync(`/proc/${await container.pid()}/cgroup`, "utf8")
    .trim()
    .split(":");
  return cgroupDirectory("memory", group.replace(/\/work$/, ""));
}

describe("a container that may write its control groups", () => {
  test("divides its own, keeps its limits, and takes execs afterwards", async () => {
    const container = await bed.runIdle(await bed.runPod(), {
      linux: { resources: limits, securityContext: { cgroupMountMode: READ_WRITE } },
    });
    const group = await groupOf(container);
    expect((await container.exec(["sh", "-c", divide])).stdout.trim().split("\n")).toEqual([
      "divided",
      "controls",
      "limited",
    ]);
    expect(readFileSync(join(group, "memory.max"), "utf8").trim()).toBe(String(limits.memoryLimitInBytes));
    expect((await container.exec(["true"])).exitCode).toBe(0);
    await container.stop();
  });

  test("may be root of a user namespace only, which then owns the group", async () => {
    const namespaceOptions = ownUsers();
    const pod = await bed.runPod({ linux: { securityContext: { namespaceOptions } } });
    const securityContext = create(LinuxContainerSecurityContextSchema, {
      namespaceOptions,
      cgroupMountMode: READ_WRITE,
    });
    const container = await bed.runIdle(pod, { linux: { resources: limits, securityContext } });
    expect((await container.exec(["sh", "-c", divide])).stdout.trim().split("\n")).toEqual([
      "divided",
      "controls",
      "limited",
    ]);
    await container.stop();
  });

  test("is told of, and without asking may write nothing", async () => {
    const { features } = await bed.cri.runtime.status({});
    expect(features?.cgroupMountMode).toBe(true);
    const container = await bed.runIdle(await bed.runPod());
    expect((await container.exec(["mkdir", "/sys/fs/cgroup/x"])).exitCode).not.toBe(0);
  });
});

test("what MemoryQoS sends is in force, and is taken back", async () => {
  const quality = (high: string) => ({ "memory.min": "0", "memory.low": "0", "memory.high": high });
  const container = await bed.runIdle(await bed.runPod(), {
    linux: { resources: { ...limits, unified: quality("33554432") } },
  });
  const high = join(await groupOf(container), "memory.high");
  expect(readFileSync(high, "utf8").trim()).toBe("33554432");
  const update = bed.cri.runtime.updateContainerResources({
    containerId: container.id,
    linux: { ...limits, unified: quality("max") },
  });
  expect((await outcomeOf(update)).code).toBe("OK");
  expect(readFileSync(high, "utf8").trim()).toBe("max");
});
