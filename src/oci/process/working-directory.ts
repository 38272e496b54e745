import { invalidArgument } from "../../errors/crib-error.ts";
import { parseRootfsPath } from "../../ids/path.ts";

/**
 * The request's, else the image's, else `/`.
 *
 * A path through a process's descriptors or root can lead out of the container (CVE-2024-21626); the launch checks where it
 * has arrived, and here what is plainly meant so is refused before anything is made.
 *
 * @throws {CribError} invalid-argument for a relative path, NUL, or one below /proc/<pid>.
 */
export function workingDirectory(requested: string, image: string): string {
  const path = parseRootfsPath(requested || image || "/", "working directory");
  if (/^\/+proc\/+(?:self|thread-self|[0-9]+)(?:\/|$)/.test(path)) {
    throw invalidArgument(
      `working directory ${JSON.stringify(path.slice(0, 200))} is inside a process's own directory of /proc`,
    );
  }
  return path;
}
