import { hasErrno } from "../../errors/has-errno.ts";
import { O_RDONLY, O_WRONLY } from "../../kernel/open-flags.ts";
import type { Kernel } from "../../kernel/port.ts";

export type SysctlKernel = Pick<Kernel, "open" | "read" | "writeAll" | "close">;

/**
 * Sets a value below /proc/sys/net of this process's network namespace, unless it is so already: then a read-only
 * /proc/sys is no obstacle. False when the kernel has no such setting (IPv6 turned off).
 *
 * @throws {ErrnoError}
 */
export function setNetworkSysctl(kernel: SysctlKernel, name: string, value: string): boolean {
  const path = `/proc/sys/net/${name}`;
  try {
    if (readSmall(kernel, path) === value) return true;
    const fd = kernel.open(path, O_WRONLY);
    try {
      kernel.writeAll(fd, new TextEncoder().encode(value));
    } finally {
      kernel.close(fd);
    }
    return true;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return false;
    throw error;
  }
}

function readSmall(kernel: SysctlKernel, path: string): string {
  const fd = kernel.open(path, O_RDONLY);
  try {
    const bytes = new Uint8Array(64);
    return new TextDecoder().decode(bytes.subarray(0, kernel.read(fd, bytes))).trim();
  } finally {
    kernel.close(fd);
  }
}
