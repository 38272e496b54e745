import { expect, test } from "bun:test";
import { createFakeCgroupFiles } from "../files/fake-cgroup-files.ts";
import { delegateGroup } from "./delegate-group.ts";

test("the kernel's list of files goes to the new owner with the directory, the limits do not, nor groups without end", () => {
  const files = createFakeCgroupFiles({
    "/sys/kernel/cgroup": {
      delegate: "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n../x\nmemory.oom.group\n",
    },
    "/g": { "cgroup.max.descendants": "max", "cgroup.procs": "", "cgroup.subtree_control": "", "memory.max": "max" },
  });
  delegateGroup(files, "/g", 65_536, 65_537);
  expect(files.writes).toEqual([
    "/g/cgroup.max.descendants = 4096",
    "/g : 65536:65537",
    "/g/cgroup.procs : 65536:65537",
    "/g/cgroup.subtree_control : 65536:65537",
  ]);
});
