import { humanSize } from "../format/human-size.ts";
import type { DoctorHost } from "../program/cli-io.ts";
import { type Check, type DoctorPlaces, type Finding, fail, ok, warn } from "./check.ts";

/** statfs(2) magic numbers. */
const tmpfsMagic = 0x01021994;
const overlayMagic = 0x794c7630;

/** The kubelet evicts pods from 85 % on by default; below this a pull is likely to fill the disk. */
const littleSpace = 10n << 30n;
const noSpace = 1n << 30n;

export const storageChecks: readonly Check[] = [space, inodes, rootFilesystem, stateFilesystem];

/** The nearest directory above `path` that exists: where it is going to be made. */
function existing(host: DoctorHost, path: string): string {
  let at = path;
  while (at !== "/" && !host.exists(at)) at = at.slice(0, Math.max(1, at.lastIndexOf("/")));
  return at;
}

function space(host: DoctorHost, { root }: DoctorPlaces): Finding {
  const stat = host.statfs(existing(host, root));
  if (stat === undefined)
    return warn("storage", "free space", `cannot be told for ${root}`, "check that the path is right");
  const detail = `${humanSize(stat.availableBytes)} of ${humanSize(stat.totalBytes)} under ${root}`;
  if (stat.availableBytes < noSpace)
    return fail("storage", "free space", detail, "make room: `crib rmi --unused`, then look at logs");
  if (stat.availableBytes < littleSpace)
    return warn("storage", "free space", detail, "large images will not fit: `crib rmi --unused`");
  return ok("storage", "free space", detail);
}

function inodes(host: DoctorHost, { root }: DoctorPlaces): Finding {
  const stat = host.statfs(existing(host, root));
  // Filesystems without a fixed number of inodes (btrfs, xfs with dynamic ones) tell zero.
  if (stat === undefined || stat.totalInodes === 0n) return ok("storage", "free inodes", "not limited");
  const percent = Number((stat.freeInodes * 100n) / stat.totalInodes);
  const detail = `${percent} % of ${stat.totalInodes} under ${root}`;
  return percent < 5
    ? fail(
        "storage",
        "free inodes",
        detail,
        "unpacking an image takes one a file: make room, or a filesystem with more",
      )
    : ok("storage", "free inodes", detail);
}

function rootFilesystem(host: DoctorHost, { root }: DoctorPlaces): Finding {
  const type = host.statfs(existing(host, root))?.type;
  if (type === overlayMagic)
    return fail(
      "storage",
      "root filesystem",
      `${root} is on an overlay`,
      "overlays cannot be stacked for writing: put --root on a disk",
    );
  if (type === tmpfsMagic)
    return warn(
      "storage",
      "root filesystem",
      `${root} is in memory`,
      "images will use memory and be gone after a reboot",
    );
  return ok("storage", "root filesystem", `${root} can hold layers`);
}

function stateFilesystem(host: DoctorHost, { state }: DoctorPlaces): Finding {
  return host.statfs(existing(host, state))?.type === tmpfsMagic
    ? ok("storage", "state filesystem", `${state} is in memory`)
    : warn(
        "storage",
        "state filesystem",
        `${state} is not in memory`,
        "works; state of before a reboot is told by its boot id, not by its absence",
      );
}
