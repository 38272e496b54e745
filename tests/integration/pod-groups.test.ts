import { describe, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { onlyCrib } from "../harness/only-crib.ts";
import type { TestPod } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** A daemon that cAdvisor looks at gives each pod a group named by the pod's id (docs/decisions/0120). */
const bed = useTestBed({ seenByCadvisor: true });
const test = onlyCrib("a pod's group is its pause container's");

/** Directories named by the id of a pod or container below the pods' parent, in every hierarchy. */
function groupsOf({ id }: { readonly id: string }): readonly string[] {
  return readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .flatMap(([, mountpoint = "", type]) => (type === "cgroup" || type === "cgroup2" ? [mountpoint] : []))
    .map((mountpoint) => join(mountpoint, bed.engine.cgroupParent, id))
    .filter((path) => existsSync(path));
}

/** They are made one after the other, while we look. */
async function appears(pod: TestPod, count = 1): Promise<readonly string[]> {
  await waitUntil(() => groupsOf(pod).length >= count || undefined, { what: `${count} groups of the pod` });
  return groupsOf(pod);
}

describe("a pod's group", () => {
  test("stands beside its containers' in every hierarchy, empty, and goes with the pod", async () => {
    const pod = await bed.runPod({ linux: { cgroupParent: bed.engine.cgroupParent } });
    const container = await bed.runIdle(pod);
    const groups = await appears(pod, groupsOf(container).length);
    expect(groups).toHaveLength(groupsOf(container).length);
    for (const group of groups) {
      expect(readFileSync(join(group, "cgroup.procs"), "utf8")).toBe("");
      expect(readdirSync(join(group, ".."))).toContain(container.id);
    }
    await pod.stop();
    expect(groupsOf(pod)).toEqual([]);
  });

  test("goes with a pod that is stopped before it was made", async () => {
    const pod = await bed.runPod({ linux: { cgroupParent: bed.engine.cgroupParent } });
    await pod.stop();
    const other = await bed.runPod({ linux: { cgroupParent: bed.engine.cgroupParent } });
    await appears(other);
    expect(groupsOf(pod)).toEqual([]);
  });

  test("is made again by the next daemon, whatever took it", async () => {
    const pod = await bed.runPod({ linux: { cgroupParent: bed.engine.cgroupParent } });
    for (const group of await appears(pod)) rmdirSync(group);
    await bed.engine.kill9();
    await bed.engine.start();
    await appears(pod);
    await pod.remove();
    expect(groupsOf(pod)).toEqual([]);
  });
});
