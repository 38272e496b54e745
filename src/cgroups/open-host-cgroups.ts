import { hasErrno } from "../errors/has-errno.ts";
import type { Pid } from "../ids/process.ts";
import type { Kernel } from "../kernel/port.ts";
import { SIGKILL } from "../kernel/signals.ts";
import type { Clock } from "../observe/clock.ts";
import { createCgroups } from "./create-cgroups.ts";
import { hostCgroupFiles } from "./files/cgroup-files.ts";
import type { Cgroups } from "./port.ts";

const root = "/sys/fs/cgroup";

/**
 * The control groups of this machine.
 *
 * @throws {CribError} failed-precondition when no cgroup hierarchy is mounted.
 */
export function openHostCgroups(
  kernel: Pick<Kernel, "kill" | "attachDeviceProgram">,
  clock: Pick<Clock, "now">,
  note?: (text: string) => void,
): Cgroups {
  return createCgroups({
    mountinfo: hostCgroupFiles.read("/proc/self/mountinfo"),
    root,
    files: hostCgroupFiles,
    clock,
    // sd_booted(3): the one question systemd promises to answer the same way for ever.
    systemd: hostCgroupFiles.exists("/run/systemd/system"),
    kernelKills: kernelKills(hostCgroupFiles.read("/proc/sys/kernel/osrelease")),
    attachDeviceProgram: (directory, program) => kernel.attachDeviceProgram(directory, program),
    ...(note !== undefined && { note }),
    sigkill(pid) {
      try {
        kernel.kill(pid as Pid, SIGKILL);
      } catch (error) {
        if (!hasErrno(error, "ESRCH")) throw error;
      }
    },
  });
}

/** cgroup.kill came with Linux 5.14; it cannot be looked for, since the root group has none. */
function kernelKills(release: string): boolean {
  const [major = 0, minor = 0] = release.split(".").map((part) => Number.parseInt(part, 10));
  return major > 5 || (major === 5 && minor >= 14);
}
