import type { CgroupFiles } from "../files/cgroup-files.ts";

/** The kernel's list of what a group's new owner has to own (Linux ≥ 4.15). */
const delegatedFiles = "/sys/kernel/cgroup/delegate";

/**
 * Groups that the new owner may make, which are walked on the event loop when the container ends: 20 µs each. A node within the
 * container, with 250 pods, has a thousand.
 */
const maxDescendants = 4096;

/** Changes the owner of a v2 group to one that may divide it, into so many groups, and may not lift its limits. */
export function delegateGroup(files: CgroupFiles, directory: string, uid: number, gid: number): void {
  files.write(`${directory}/cgroup.max.descendants`, String(maxDescendants));
  files.chown(directory, uid, gid);
  for (const name of files.read(delegatedFiles).split("\n")) {
    // cgroup.threads and the like: one that this group does not have needs no owner.
    if (/^[a-z._]+$/.test(name) && files.exists(`${directory}/${name}`)) files.chown(`${directory}/${name}`, uid, gid);
  }
}
