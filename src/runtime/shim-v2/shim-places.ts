import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";

/** What all pods with shims share, below the daemon's directory. */
export interface ShimPlaces {
  /** Where shims have their sockets; undefined when its path is too long: the shims' own choice. */
  readonly sockets: HostPath | undefined;
  /** A root that has nothing but a program that sleeps, mounted read-only: what a sandbox begins with. */
  readonly pauseRoot: HostPath;
}

/** Of crib's own image: sleeps for as long as anybody lives. */
export const pauseArgs = ["/pause", "sleep", "3000000000"] as const;

/** A socket's name is a digest of 64 characters (containerd's shims); sun_path holds 107. */
const longestSocketDirectory = 107 - 65;

/** Made with the daemon, so that no pod has to wait, or leaves what was not there. `pauseProgram`: that of crib's own image. */
export function makeShimPlaces(state: HostPath, pauseProgram: Uint8Array): ShimPlaces {
  const sockets = joinHostPath(state, "s");
  const fits = Buffer.byteLength(sockets) <= longestSocketDirectory;
  if (fits) mkdirSync(sockets, { recursive: true, mode: 0o700 });
  return {
    sockets: fits ? sockets : undefined,
    pauseRoot: makePauseRoot(joinHostPath(state, "shim-pause"), pauseProgram),
  };
}

function makePauseRoot(root: HostPath, program: Uint8Array): HostPath {
  const file = joinHostPath(root, "pause");
  if (existsSync(file)) return root;
  for (const name of ["proc", "dev", "sys"]) mkdirSync(joinHostPath(root, name), { recursive: true, mode: 0o755 });
  chmodSync(root, 0o755);
  writeFileSync(`${file}.new`, program);
  chmodSync(`${file}.new`, 0o755);
  renameSync(`${file}.new`, file);
  return root;
}
