import { existsSync, readdirSync } from "node:fs";
import { chmod, chown, mkdir, rename, stat } from "node:fs/promises";
import { hasErrno } from "../../errors/has-errno.ts";
import { isFull } from "../../errors/is-full.ts";
import type { ContainerId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import { O_DIRECTORY, O_PATH } from "../../kernel/open-flags.ts";
import { removeTreeAside } from "../../layers/remove-tree.ts";
import type { UserNamespace } from "../../oci/user-namespace.ts";
import { hostIdOf } from "../../oci/user-namespace.ts";
import type { PodEngine } from "../engine.ts";
import { containerDirectory, containerPaths } from "./container-paths.ts";

/**
 * The merged root takes mode and owner from the upper directory, so they are copied from the image's root; in a user
 * namespace the owner is what the host calls it.
 *
 * Off the event loop, as all that the disk of containers is asked for: a busy one takes milliseconds for a directory.
 */
export async function makeContainerDirectory(
  engine: PodEngine,
  directory: HostPath,
  lowerDirs: readonly HostPath[],
  userNamespace: UserNamespace | undefined,
): Promise<void> {
  const paths = containerPaths(directory);
  const top = lowerDirs[0];
  const [root] = await Promise.all([
    top === undefined ? undefined : stat(top),
    mkdir(directory, { recursive: true, mode: 0o700 }),
  ]);
  await Promise.all([
    mkdir(paths.work, 0o700),
    makeWithMode(paths.rootfs, 0o755),
    makeWithMode(paths.upper, root === undefined ? 0o755 : root.mode & 0o7777),
  ]);
  if (root !== undefined) {
    const uid = userNamespace === undefined ? root.uid : (hostIdOf(userNamespace.uids, root.uid) ?? root.uid);
    const gid = userNamespace === undefined ? root.gid : (hostIdOf(userNamespace.gids, root.gid) ?? root.gid);
    if (uid !== 0 || gid !== 0) await chown(paths.upper, uid, gid);
  }
  engine.log.debug({ directory }, "container directory made");
}

/** By path, since nobody else can look into a container's directory before it is started. */
async function makeWithMode(path: HostPath, mode: number): Promise<void> {
  await mkdir(path, 0o700);
  await chmod(path, mode);
}

/**
 * Moves the directory out of sight at once and deletes it in the background: a writable layer can hold a million files.
 * What a crash leaves in the trash is deleted at the next start.
 */
export async function removeContainerDirectory(engine: PodEngine, id: ContainerId): Promise<void> {
  const directory = containerDirectory(engine.config.root, id);
  const trash = joinHostPath(engine.config.root, "trash");
  try {
    await mkdir(trash, { recursive: true, mode: 0o700 });
    await rename(directory, joinHostPath(trash, id));
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return;
    if (!isFull(error)) throw error;
    // Nothing can be moved on a full disk; where it is, the next start would find it as one that no record names.
    void discard(engine, joinHostPath(engine.config.root, "containers"), id);
    return;
  }
  void discard(engine, trash, id);
}

/** What is left in the trash, by a crash or a disk that refused; one after another, there may be any number. */
export async function emptyTrash(engine: PodEngine): Promise<void> {
  const trash = joinHostPath(engine.config.root, "trash");
  if (!existsSync(trash)) return;
  for (const name of readdirSync(trash)) await discard(engine, trash, name);
}

/**
 * By descriptor and never deep: a tree of a container's making has any depth, and what recurses through one opens a descriptor
 * for every level until the daemon has none.
 */
async function discard(engine: PodEngine, trash: HostPath, name: string): Promise<void> {
  try {
    const directory = engine.kernel.open(trash, O_PATH | O_DIRECTORY);
    using _directory = { [Symbol.dispose]: () => engine.kernel.close(directory) };
    await removeTreeAside(engine.kernel, engine.clock, directory, name);
  } catch (error) {
    engine.log.warn({ path: `${trash}/${name}`, error: String(error) }, "trash not emptied: retried at the next start");
  }
}
