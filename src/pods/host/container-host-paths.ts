import { dirname } from "node:path";
import { invalidArgument } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import type { HostPath } from "../../ids/path.ts";
import { S_IFMT, S_IFREG } from "../../kernel/open-flags.ts";
import type { ContainerSpec } from "../../spec/container-spec.ts";
import type { PodEngine } from "../engine.ts";
import { checkFound, type Found, type Look } from "./path-looker.ts";

/** What was found, and made, at the paths of the host that a container's request names. */
export interface ContainerHostPaths {
  /** The text of the Localhost seccomp profile, if one is asked for. */
  readonly seccompProfile: string | undefined;
  /** Of the sources of mounts that propagate: the path without links. */
  realPath(source: string): string;
  /** What is at the path of a device that the request names. */
  device(hostPath: string): Found | undefined;
}

interface Wanted extends Look {
  readonly what: string;
}

/**
 * Looks at everything on the host that the request names, in one go and outside of this process: the directories of its mounts
 * and of its log, which are made where they are missing (as the field does for hostPath), its devices and its seccomp profile.
 *
 * @throws {CribError} deadline-exceeded when a file system does not answer, failed-precondition, invalid-argument.
 */
export async function lookAtHostPaths(
  { pathLooker }: Pick<PodEngine, "pathLooker">,
  config: ContainerSpec,
  logPath: HostPath | undefined,
  seccompProfile: HostPath | undefined,
): Promise<ContainerHostPaths> {
  const mounts = config.mounts.flatMap(({ hostPath, propagation }) =>
    hostPath === undefined ? [] : [{ hostPath, propagates: propagation !== "private" }],
  );
  const propagating = mounts.filter(({ propagates }) => propagates);
  const wanted: Wanted[] = [
    ...mounts.map(({ hostPath }): Wanted => ({ kind: "make-directory", path: hostPath, what: "mount source" })),
    ...propagating.map(({ hostPath }): Wanted => ({ kind: "real-path", path: hostPath, what: "mount source" })),
    ...config.devices.map(({ hostPath }): Wanted => ({ kind: "stat", path: hostPath, what: "device" })),
  ];
  if (logPath !== undefined) wanted.push({ kind: "make-directory", path: dirname(logPath), what: "log directory" });
  const profile: Wanted | undefined =
    seccompProfile === undefined ? undefined : { kind: "read-file", path: seccompProfile, what: "seccomp profile" };
  if (profile !== undefined) wanted.push(profile);

  const found = await pathLooker.lookAll(wanted);
  const realPaths = new Map<string, string>();
  const devices = new Map<string, Found | undefined>();
  let profileText: string | undefined;
  for (const [index, look] of wanted.entries()) {
    const there = found[index];
    if (look === profile) profileText = profileOf(there, look);
    else if (look.kind === "real-path") realPaths.set(look.path, textOf(checkFound(there, look, look.what)));
    // One that is not there is told by who resolves it.
    else if (look.kind === "stat") devices.set(look.path, there);
    else if (look.kind === "make-directory") checkFound(there, look, look.what);
  }
  return {
    seccompProfile: profileText,
    realPath: (source) => realPaths.get(source) ?? source,
    device: (hostPath) => devices.get(hostPath),
  };
}

function profileOf(found: Found | undefined, look: Look): string {
  if (found?.errno === Errno.ENOENT) {
    throw invalidArgument(`seccomp profile ${look.path} does not exist on this node`);
  }
  const isFile = found !== undefined && (found.errno !== 0 || (found.mode & S_IFMT) === S_IFREG);
  if (!isFile || found.errno === Errno.EINVAL || found.errno === Errno.EFBIG) {
    throw invalidArgument(`seccomp profile ${look.path} is not a regular file of at most 1048576 bytes`);
  }
  return textOf(checkFound(found, look, "seccomp profile"));
}

function textOf({ data }: Found): string {
  return new TextDecoder().decode(data);
}
