import { isMissing } from "../../errors/is-missing.ts";
import type { Fd } from "../../ids/process.ts";
import { O_DIRECTORY, O_PATH, O_RDONLY } from "../../kernel/open-flags.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import type { FileCalls } from "../../kernel/port.ts";

/** One side of a copy: a root directory, how far paths below it may lead, and the path meant. */
export interface Place {
  readonly root: Fd;
  /** `RESOLVE_*` of openat2(2). */
  readonly resolve: number;
  readonly path: string;
  /** How messages name it. */
  readonly shown: string;
}

/** A name in an open directory. Dispose to close the directory. */
export interface Entry extends Disposable {
  readonly directory: Fd;
  readonly name: string;
}

/** The directory that holds the last component of `place`, links in the way resolved as its root allows. */
export function openParent(kernel: FileCalls, place: Place): Entry {
  const { parent, name } = splitPath(place.path);
  const directory = new OwnedFd(
    kernel,
    kernel.openat2(place.root, parent, { flags: O_PATH | O_DIRECTORY, resolve: place.resolve }),
  );
  return { directory: directory.fd, name, [Symbol.dispose]: () => directory[Symbol.dispose]() };
}

/** `place` as a directory, the last component followed too; undefined when it is none or not there. */
export function openIfDirectory(kernel: FileCalls, place: Place): OwnedFd | undefined {
  try {
    const flags = O_RDONLY | O_DIRECTORY;
    return new OwnedFd(kernel, kernel.openat2(place.root, place.path, { flags, resolve: place.resolve }));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** `/a/b/` → `/a` and `b`; the root itself is `.` in itself. */
export function splitPath(path: string): { readonly parent: string; readonly name: string } {
  const trimmed = path.replace(/\/+$/, "");
  const at = trimmed.lastIndexOf("/");
  const name = trimmed.slice(at + 1);
  if (name === "" || name === "." || name === "..") return { parent: path, name: "." };
  if (at < 0) return { parent: ".", name };
  return { parent: trimmed.slice(0, at) || "/", name };
}
