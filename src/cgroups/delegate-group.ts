import type { CgroupFiles } from "./cgroup-files.ts";

/** The kernel's list of what a group's new owner has to own (Linux ≥ 4.15). */
const delegatedFiles = "/sys/kernel/cgroup/delegate";

/** Changes the owner of a v2 group to one that may divide it and may not lift its limits. */
export function delegateGroup(files: CgroupFiles, directory: string, uid: number, gid: number): void {
  files.chown(directory, uid, gid);
  for (const name of files.read(delegatedFiles).split("\n")) {
    // cgroup.threads and the like: one that this group does not have needs no owner.
    if (/^[a-z._]+$/.test(name) && files.exists(`${directory}/${name}`)) files.chown(`${directory}/${name}`, uid, gid);
  }
}
