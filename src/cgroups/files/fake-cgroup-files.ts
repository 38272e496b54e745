import { Errno, type ErrnoName } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import type { CgroupFiles } from "./cgroup-files.ts";

/** Control files a new group has: their names and first values, by hierarchy. */
export type FakeHierarchies = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface FakeCgroupFiles extends CgroupFiles {
  /** Every write and change of owner in order: "path = value", "path : uid:gid". */
  readonly writes: readonly string[];
  /** Makes writes of `value` (or any) to `path` fail. */
  refuse(path: string, errno: ErrnoName, value?: string): void;
}

/**
 * cgroupfs in memory: directories come with control files, files cannot be made, and a group goes only when it has neither
 * children nor processes. Enough of v1 and v2 to tell what is written where, and in which order.
 */
export function createFakeCgroupFiles(hierarchies: FakeHierarchies): FakeCgroupFiles {
  const contents = new Map<string, string>();
  const directories = new Set<string>();
  const writes: string[] = [];
  const refusals: { readonly path: string; readonly errno: ErrnoName; readonly value: string | undefined }[] = [];

  const fail = (errno: ErrnoName, syscall: string, path: string): never => {
    throw new ErrnoError(Errno[errno], syscall, path);
  };
  const addDirectory = (path: string, controls: Readonly<Record<string, string>>) => {
    directories.add(path);
    for (const [file, value] of Object.entries(controls)) contents.set(`${path}/${file}`, value);
  };
  for (const [mountpoint, controls] of Object.entries(hierarchies)) addDirectory(mountpoint, controls);

  const childrenOf = (path: string) => [...directories].filter((other) => parentOf(other) === path);
  const writeOne = (path: string, value: string) => {
    if (!contents.has(path)) fail("ENOENT", "write", path);
    const refusal = refusals.find(
      (entry) => entry.path === path && (entry.value === undefined || entry.value === value),
    );
    if (refusal !== undefined) fail(refusal.errno, "write", path);
    writes.push(`${path} = ${value}`);
    contents.set(path, path.endsWith("/cgroup.subtree_control") ? enabled(contents.get(path) ?? "", value) : value);
  };

  return {
    writes,
    refuse: (path, errno, value) => void refusals.push({ path, errno, value }),
    mkdir(path) {
      if (directories.has(path)) return false;
      if (!directories.has(parentOf(path))) fail("ENOENT", "mkdir", path);
      const mountpoint = Object.keys(hierarchies).find((root) => path.startsWith(`${root}/`));
      addDirectory(path, { ...hierarchies[mountpoint ?? ""], "cpuset.cpus": "", "cpuset.mems": "" });
      return true;
    },
    rmdir(path) {
      if (!directories.has(path)) fail("ENOENT", "rmdir", path);
      if (childrenOf(path).length > 0 || (contents.get(`${path}/cgroup.procs`) ?? "") !== "")
        fail("EBUSY", "rmdir", path);
      directories.delete(path);
      for (const file of contents.keys()) if (parentOf(file) === path) contents.delete(file);
    },
    read: (path) => contents.get(path) ?? fail("ENOENT", "read", path),
    write: writeOne,
    writeEach: (path, values) => {
      for (const value of values) writeOne(path, value);
    },
    chown: (path, uid, gid) => void writes.push(`${path} : ${uid}:${gid}`),
    exists: (path) => directories.has(path) || contents.has(path),
    directories: (path) => childrenOf(path).map((child) => child.slice(path.length + 1)),
  };
}

/** "+a +b" adds to the list. */
function enabled(before: string, command: string): string {
  const added = command.split(" ").map((word) => word.slice(1));
  return [...new Set([...before.split(" "), ...added])].join(" ").trim();
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
