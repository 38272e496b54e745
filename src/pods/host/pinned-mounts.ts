import { closeSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import type { HostPath } from "../../ids/path.ts";
import type { Pid } from "../../ids/process.ts";
import { makeDirectories } from "../../kernel/exact-modes.ts";
import { MNT_DETACH, MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID } from "../../kernel/mount-flags.ts";
import type { UserNamespace } from "../../oci/user-namespace.ts";
import type { PodEngine } from "../engine.ts";
import { podRoot } from "./pod-root.ts";
import { sandboxFiles } from "./sandbox-files.ts";

/** The field's default size of a pod's /dev/shm. */
const shmOptions = "mode=1777,size=65536k";
/** Room for any hosts and resolv.conf there is; what containers write there is bounded by it, and theirs to lose. */
const etcOptions = "mode=0755,size=1024k,nr_inodes=16";

/**
 * Gives the monitor's network namespace a path that plugins and agents can open, for as long as the pod lives.
 * The monitor and its namespaces were made by us a moment ago: the pid cannot have been reused.
 */
export function pinNetns(engine: PodEngine, monitor: Pid, path: HostPath): void {
  makeDirectories(dirname(path), 0o755);
  // Its mode is the namespace's own once that is on it.
  closeSync(openSync(path, "wx", 0o444));
  engine.kernel.mount(`/proc/${monitor}/ns/net`, path, "", MS_BIND, "");
}

export async function unpinNetns(engine: PodEngine, path: HostPath): Promise<void> {
  await unmountIfMounted(engine, [path]);
  const [removed] = await engine.kernel.filesAside([{ kind: "unlink", path }]);
  if (removed !== undefined && removed.errno !== 0 && removed.errno !== Errno.ENOENT)
    throw new ErrnoError(removed.errno, "unlink", path);
}

/** The pod's own /dev/shm, shared by its containers, bounded, and its root's. */
export function mountShm(
  engine: PodEngine,
  directory: HostPath,
  userNamespace: UserNamespace | undefined,
  label: string | undefined,
): void {
  const { shm } = sandboxFiles(directory);
  makeDirectories(shm, 0o1777);
  const root = podRoot(userNamespace);
  const owner = root === undefined ? "" : `,uid=${root.uid},gid=${root.gid}`;
  const context = label === undefined ? "" : `,context="${label}"`;
  engine.kernel.mount("shm", shm, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, `${shmOptions}${owner}${context}`);
}

/** The file system of the pod's hosts, hostname and resolv.conf. */
export function mountEtc(engine: PodEngine, directory: HostPath): void {
  const { etc } = sandboxFiles(directory);
  makeDirectories(etc, 0o755);
  engine.kernel.mount("etc", etc, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, etcOptions);
}

/** The file systems of a pod's directory. */
export async function unmountFiles(engine: PodEngine, directory: HostPath, ownsShm: boolean): Promise<void> {
  const { etc, shm } = sandboxFiles(directory);
  await unmountIfMounted(engine, ownsShm ? [etc, shm] : [etc]);
}

/**
 * Each waits for a grace period of the kernel, beside the event loop. EINVAL: not a mount point; ENOENT: never made. Both mean
 * there is nothing left to do.
 */
async function unmountIfMounted(engine: PodEngine, paths: readonly HostPath[]): Promise<void> {
  const outcomes = await engine.kernel.filesAside(
    paths.map((path) => ({ kind: "umount", path, flags: MNT_DETACH }) as const),
  );
  for (const [index, { errno }] of outcomes.entries()) {
    if (errno === 0 || errno === Errno.EINVAL || errno === Errno.ENOENT) continue;
    throw new ErrnoError(errno, "umount2", paths[index]);
  }
}
