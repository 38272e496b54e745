import { invalidArgument } from "../errors/crib-error.ts";
import type { Brand } from "./brand.ts";

/** An absolute, normalised path in the host's mount namespace. */
export type HostPath = Brand<string, "HostPath">;
/** An absolute path inside a container's root; never joined to a host path, only resolved by `openat2` in the root. */
export type RootfsPath = Brand<string, "RootfsPath">;
/** A cgroup path below a hierarchy's root, starting with `/`, without `.` or `..` parts. */
export type CgroupPath = Brand<string, "CgroupPath">;

function checkAbsolute(text: string, what: string): void {
  if (!text.startsWith("/")) throw invalidArgument(`${what} ${JSON.stringify(text.slice(0, 200))} is not absolute`);
  if (text.includes("\0")) throw invalidArgument(`${what} contains a NUL byte`);
  if (text.length > 4095) throw invalidArgument(`${what} is longer than 4095 bytes`);
}

/** @throws {CribError} invalid-argument for relative paths, NUL bytes, `..` parts and paths over PATH_MAX. */
export function parseHostPath(text: string, what = "path"): HostPath {
  checkAbsolute(text, what);
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw invalidArgument(`${what} ${JSON.stringify(text)} contains ".."`);
  return `/${parts.join("/")}` as HostPath;
}

/** Appends fixed or already validated names to a host path. */
export function joinHostPath(base: HostPath, ...names: string[]): HostPath {
  return `${base === "/" ? "" : base}/${names.join("/")}` as HostPath;
}

/** @throws {CribError} invalid-argument for relative paths, NUL bytes and paths over PATH_MAX; `..` is allowed, the root bounds it. */
export function parseRootfsPath(text: string, what = "container path"): RootfsPath {
  checkAbsolute(text, what);
  return text as RootfsPath;
}

/** @throws {CribError} invalid-argument for anything but an absolute path of plain names. */
export function parseCgroupPath(text: string, what = "cgroup path"): CgroupPath {
  return parseHostPath(text, what) as string as CgroupPath;
}
