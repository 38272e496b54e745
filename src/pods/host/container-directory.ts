import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { isFull } from "../../errors/is-full.ts";
import type { ContainerId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import { makeDirectories } from "../../kernel/exact-modes.ts";
import { O_DIRECTORY, O_PATH } from "../../kernel/open-flags.ts";
import { removeTreeInPieces } from "../../layers/remove-tree.ts";
import type { UserNamespace } from "../../oci/user-namespace.ts";
import { hostIdOf } from "../../oci/user-namespace.ts";
import type { PodEngine } from "../engine.ts";
import { containerDirectory, containerPaths } from "./container-paths.ts";

/**
 * The merged root takes mode and owner from the upper directory, so they are copied from the image's root; in a user
 * namespace the owner is what the host calls it.
 */
export function makeContainerDirectory(
  engine: PodEngine,
  directory: HostPath,
  lowerDirs: readonly HostPath[],
  userNamespace: UserNamespace | undefined,
): void {
  const paths = containerPaths(directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  mkdirSync(paths.work, { mode: 0o700 });
  makeDirectories(paths.rootfs, 0o755);
  makeDirectories(paths.upper, 0o755);
  const top = lowerDirs[0];
  if (top === undefined) return;
  const root = statSync(top);
  chmodSync(paths.upper, root.mode & 0o7777);
  const uid = userNamespace === undefined ? root.uid : (hostIdOf(userNamespace.uids, root.uid) ?? root.uid);
  const gid = userNamespace === undefined ? root.gid : (hostIdOf(userNamespace.gids, root.gid) ?? root.gid);
  if (uid !== 0 || gid !== 0) chownSync(paths.upper, uid, gid);
  engine.log.debug({ directory }, "container directory made");
}

/**
 * Moves the directory out of sight at once and deletes it in the background: a writable layer can hold a million files.
 * What a crash leaves in the trash is deleted at the next start.
 */
export function removeContainerDirectory(engine: PodEngine, id: ContainerId): void {
  const directory = containerDirectory(engine.config.root, id);
  if (!existsSync(directory)) return;
  const trash = joinHostPath(engine.config.root, "trash");
  try {
    mkdirSync(trash, { recursive: true, mode: 0o700 });
    renameSync(directory, joinHostPath(trash, id));
  } catch (error) {
    if (!isFull(error)) throw error;
    // Nothing can be moved on a full disk; where it is, the next start would find it as one that no record names.
    void discard(engine, joinHostPath(engine.config.root, "containers"), id);
    return;
  }
  void discard(engine, trash, id);
}

/** What is left in the trash, by a crash or a disk that refused. */
export function emptyTrash(engine: PodEngine): void {
  const trash = joinHostPath(engine.config.root, "trash");
  if (!existsSync(trash)) return;
  for (const name of readdirSync(trash)) void discard(engine, trash, name);
}

/**
 * By descriptor and never deep: a tree of a container's making has any depth, and what recurses through one opens a descriptor
 * for every level until the daemon has none.
 */
async function discard(engine: PodEngine, trash: HostPath, name: string): Promise<void> {
  try {
    const directory = engine.kernel.open(trash, O_PATH | O_DIRECTORY);
    using _directory = { [Symbol.dispose]: () => engine.kernel.close(directory) };
    await removeTreeInPieces(engine.kernel, directory, name);
  } catch (error) {
    engine.log.warn({ path: `${trash}/${name}`, error: String(error) }, "trash not emptied: retried at the next start");
  }
}
