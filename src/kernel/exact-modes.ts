import { closeSync, constants, fchmodSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { hasErrno } from "../errors/has-errno.ts";
import { O_PATH } from "./open-flags.ts";

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/**
 * mkdir -p whose new directories have exactly this mode: the daemon's umask is private, and a mode given to mkdir(2) is what is
 * left of it. Directories that are there stay as they are.
 *
 * The mode is set through a descriptor of what was made. By path it would be set on whatever a link leads to that
 * a pod, with the parent as its volume, has put in the new directory's place.
 */
export function makeDirectories(path: string, mode: number): void {
  try {
    closeSync(openSync(path, O_PATH | O_DIRECTORY));
    return;
  } catch (error) {
    if (!hasErrno(error, "ENOENT") || path === dirname(path)) throw error;
  }
  makeDirectories(dirname(path), mode);
  const parent = openSync(dirname(path), O_PATH | O_DIRECTORY);
  try {
    makeIn(`/proc/self/fd/${parent}/${basename(path)}`, mode);
  } finally {
    closeSync(parent);
  }
}

function makeIn(path: string, mode: number): void {
  try {
    mkdirSync(path, mode);
  } catch (error) {
    // Somebody was faster, and decides the mode.
    if (hasErrno(error, "EEXIST")) return;
    throw error;
  }
  const made = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    fchmodSync(made, mode);
  } finally {
    closeSync(made);
  }
}

/**
 * For what cannot be told a mode afterwards, or only dearly: programs that are started, and control groups (15 µs each, of which
 * a pod has two in every hierarchy).
 *
 * The umask is the whole process's. What its other threads make in these microseconds is made with modes of their own, in
 * directories that are closed.
 */
export function withUmask<Result>(mask: number, work: () => Result): Result {
  const before = process.umask(mask);
  try {
    return work();
  } finally {
    process.umask(before);
  }
}

/** Writes a file, new or there already, that has exactly this mode before its first byte. */
export function writeWithMode(path: string, text: string, mode: number): void {
  const file = openSync(path, "w", mode);
  try {
    fchmodSync(file, mode);
    writeFileSync(file, text);
  } finally {
    closeSync(file);
  }
}
