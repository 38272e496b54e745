import { readFileSync } from "node:fs";
import { hasErrno } from "../../errors/has-errno.ts";
import type { HostPath } from "../../ids/path.ts";
import { AT_FDCWD } from "../../kernel/open-flags.ts";
import type { Kernel } from "../../kernel/port.ts";
import type { FilesystemSample } from "../port.ts";

/** The filesystem that holds writable layers: what there is of it in all, and the device it is on. */
export function sampleFilesystem(
  kernel: Pick<Kernel, "statfs" | "lstatat">,
  names: DeviceNames,
  directory: HostPath,
): FilesystemSample {
  const { totalBytes, totalInodes, freeInodes } = kernel.statfs(directory);
  const { deviceMajor, deviceMinor } = kernel.lstatat(AT_FDCWD, directory);
  return { device: names.of(`${deviceMajor}:${deviceMinor}`), totalBytes, totalInodes, freeInodes };
}

/** Names of block devices, each looked up once: a device keeps its name for as long as it is there. */
export class DeviceNames {
  readonly #known = new Map<string, string>();

  /** "/dev/vda1" for "254:1"; the numbers where the host has no name for them (a ram disk, a network filesystem). */
  of(numbers: string): string {
    const known = this.#known.get(numbers);
    if (known !== undefined) return known;
    const name = readDeviceName(numbers) ?? numbers;
    this.#known.set(numbers, name);
    return name;
  }
}

function readDeviceName(numbers: string): string | undefined {
  try {
    const name = /^DEVNAME=(.+)$/m.exec(readFileSync(`/sys/dev/block/${numbers}/uevent`, "utf8"))?.[1];
    return name === undefined ? undefined : `/dev/${name}`;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
