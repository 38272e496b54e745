import { readdirSync } from "node:fs";
import { invalidArgument } from "../../errors/crib-error.ts";
import type { HostPath } from "../../ids/path.ts";
import { parseHostPath } from "../../ids/path.ts";
import type { Fd } from "../../ids/process.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, S_IFDIR, S_IFMT } from "../../kernel/open-flags.ts";
import type { Kernel } from "../../kernel/port.ts";
import { RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS } from "../../kernel/resolve-flags.ts";
import type { TimeSlice } from "../../observe/time-slice.ts";
import { bytesToString } from "../../oci/byte-string.ts";
import { selinuxFileLabel } from "../../oci/security-labels.ts";
import type { ContainerSpec } from "../../spec/container-spec.ts";

const attribute = "security.selinux";

/** Directories whose files programs of the host need; a label of a container's would lock the host out of them. */
const hostDirectories: ReadonlySet<string> = new Set(
  ["bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin", "srv"]
    .concat(["sys", "tmp", "usr", "var", "var/lib", "var/lib/kubelet", "var/log", "var/run"])
    .map((name) => `/${name}`),
);
/** Of these nothing below may change either. */
const systemTrees = ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr"] as const;

/**
 * Gives the mounts that ask for it (`selinux_relabel`) the label under which the container may use them: its own level, the type
 * of container files, in slices of the event loop's time: a volume may hold any number of files. Without a label of the container's
 * there is nothing to do.
 *
 * @throws {CribError} invalid-argument for a path of the host's system or of the engine (CVE-2021-43816).
 */
export async function relabelMounts(
  kernel: Kernel,
  slice: Pick<TimeSlice, "turn">,
  config: Pick<ContainerSpec, "mounts">,
  processLabel: string | undefined,
  engineDirectories: readonly HostPath[],
): Promise<void> {
  if (processLabel === undefined) return;
  const label = selinuxFileLabel(processLabel);
  for (const { hostPath, selinuxRelabel } of config.mounts) {
    if (!selinuxRelabel || hostPath === undefined) continue;
    const path = parseHostPath(hostPath, "mount host_path");
    checkRelabelable(path, engineDirectories);
    await relabelTree(kernel, slice, path, label);
  }
}

function checkRelabelable(path: HostPath, engineDirectories: readonly HostPath[]): void {
  const inside = (tree: string): boolean => path === tree || path.startsWith(`${tree}/`);
  const holds = (tree: string): boolean => path === "/" || tree === path || tree.startsWith(`${path}/`);
  if (hostDirectories.has(path) || systemTrees.some(inside) || engineDirectories.some((d) => inside(d) || holds(d))) {
    throw invalidArgument(
      `mount of ${JSON.stringify(path)} cannot be relabelled: the host and the engine need its label`,
    );
  }
}

/** Links are labelled and never followed, in whatever part of a path: others may change the tree meanwhile. */
async function relabelTree(
  kernel: Kernel,
  slice: Pick<TimeSlice, "turn">,
  path: HostPath,
  label: string,
): Promise<void> {
  const value = new TextEncoder().encode(`${label}\0`);
  const slash = path.lastIndexOf("/");
  const parent = kernel.open(path.slice(0, slash) || "/", O_PATH | O_DIRECTORY);
  using _parent = { [Symbol.dispose]: () => kernel.close(parent) };
  const top = path.slice(slash + 1);
  kernel.lsetxattrat(parent, top, attribute, value);
  const pending = isDirectory(kernel, parent, top) ? [top] : [];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    for (const child of await relabelChildren(kernel, slice, parent, name, value)) pending.push(`${name}/${child}`);
  }
}

/** @returns which of them are directories. */
async function relabelChildren(
  kernel: Kernel,
  slice: Pick<TimeSlice, "turn">,
  parent: Fd,
  name: string,
  value: Uint8Array,
): Promise<readonly string[]> {
  const how = { flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW, resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
  const directory = kernel.openat2(parent, name, how);
  using _directory = { [Symbol.dispose]: () => kernel.close(directory) };
  const children = readdirSync(`/proc/self/fd/${directory}`, { encoding: "buffer" }).map((bytes) =>
    bytesToString(bytes),
  );
  const directories: string[] = [];
  for (const child of children) {
    await slice.turn();
    kernel.lsetxattrat(directory, child, attribute, value);
    if (isDirectory(kernel, directory, child)) directories.push(child);
  }
  return directories;
}

function isDirectory(kernel: Kernel, parent: Fd, name: string): boolean {
  return (kernel.lstatat(parent, name).mode & S_IFMT) === S_IFDIR;
}
