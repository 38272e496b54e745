import type { HostPath } from "../../ids/path.ts";
import type { RequestedMount } from "../../spec/requested-mount.ts";
import type { CgroupView } from "../cgroup-view.ts";
import type { SpecMount } from "../runtime-spec.ts";
import type { UserNamespace } from "../user-namespace.ts";
import type { AnonymousVolume, ImageVolume } from "./requested-mounts.ts";
import { anonymousVolume, requestedMount } from "./requested-mounts.ts";
import { standardMounts } from "./standard-mounts.ts";

/** Files and directories of the pod that its containers see. */
export interface PodFiles {
  readonly hosts: HostPath;
  readonly resolvConf: HostPath;
  readonly hostname: HostPath;
  readonly shm: HostPath;
}

export interface MountsInput {
  readonly requested: readonly RequestedMount[];
  readonly podFiles: PodFiles;
  readonly privileged: boolean;
  readonly cgroups: CgroupView["access"];
  /** /dev/shm is the host's, as its ipc namespace is. */
  readonly hostIpc: boolean;
  readonly readonlyRootfs: boolean;
  readonly hostNetwork?: boolean;
  /** undefined: the host's. */
  readonly userNamespace?: UserNamespace | undefined;
  readonly imageVolumes?: ReadonlyMap<RequestedMount, ImageVolume> | undefined;
  /** Those of `requested` that the image declares. */
  readonly anonymousVolumes?: ReadonlyMap<RequestedMount, AnonymousVolume> | undefined;
}

/**
 * Every mount of a container, parents before children.
 *
 * A requested mount takes the place of the standard or pod one at the same path; one on /dev replaces all below it.
 * Requested mounts come after the standard ones, ordered by depth, so that none is hidden by its own parent.
 *
 * @throws {CribError} invalid-argument for a mount that cannot be honoured.
 */
export function buildMounts(input: MountsInput): readonly SpecMount[] {
  const requested = input.requested.map((mount) => {
    const volume = input.anonymousVolumes?.get(mount);
    if (volume !== undefined) return anonymousVolume(mount, volume);
    return requestedMount(mount, input.userNamespace, input.imageVolumes?.get(mount));
  });
  const taken = new Set(requested.map((mount) => mount.destination));
  const sysfs = input.userNamespace !== undefined && input.hostNetwork === true ? "host" : "own";
  const standard = standardMounts(input.privileged, sysfs, input.cgroups).filter(
    ({ destination }) => !taken.has(destination) && !(taken.has("/dev") && destination.startsWith("/dev/")),
  );
  const pod = podMounts(input).filter(
    ({ destination }) => !taken.has(destination) && !(taken.has("/dev") && destination === "/dev/shm"),
  );
  const binds = [...pod, ...requested];
  return [...standard, ...binds.toSorted((a, b) => depth(a) - depth(b))];
}

function podMounts({ podFiles, hostIpc, readonlyRootfs }: MountsInput): readonly SpecMount[] {
  const access = readonlyRootfs ? "ro" : "rw";
  const file = (destination: string, source: HostPath): SpecMount => ({
    destination,
    type: "bind",
    source,
    options: ["rbind", "rprivate", access, "nosuid", "nodev"],
  });
  return [
    file("/etc/hostname", podFiles.hostname),
    file("/etc/hosts", podFiles.hosts),
    file("/etc/resolv.conf", podFiles.resolvConf),
    {
      destination: "/dev/shm",
      type: "bind",
      source: hostIpc ? "/dev/shm" : podFiles.shm,
      options: ["rbind", "rprivate", "rw", "nosuid", "nodev", "noexec"],
    },
  ];
}

function depth(mount: SpecMount): number {
  return mount.destination.split("/").length;
}
