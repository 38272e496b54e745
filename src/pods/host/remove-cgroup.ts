import type { Cgroups } from "../../cgroups/port.ts";
import type { Config } from "../../config/config.ts";
import { deadlineExceeded } from "../../errors/crib-error.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import { type CgroupPath, parseCgroupPath } from "../../ids/path.ts";
import type { Pid } from "../../ids/process.ts";
import { waitChannel } from "../../kernel/process/process-ref.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";

const attempts = 100;
const pauseMs = 10;

/**
 * Removes a control group whose processes are dying: a killed process leaves its group only when the kernel has torn it
 * down, so EBUSY is waited out, up to a second.
 *
 * @throws {CribError} deadline-exceeded naming a process that does not die.
 */
export async function removeCgroup(engine: CgroupEngine, path: CgroupPath): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      engine.cgroups.remove(path);
      removeDefaultParent(engine, path);
      return;
    } catch (error) {
      if (!hasErrno(error, "EBUSY")) throw error;
      engine.cgroups.kill(path);
    }
    await engine.clock.sleep(pauseMs);
  }
  const [pid] = engine.cgroups.pids(path);
  const who = pid === undefined ? "" : `: pid ${pid} waits in ${waitChannel(pid as Pid)}`;
  throw deadlineExceeded(`control group ${path} is still in use after ${(attempts * pauseMs) / 1000} s${who}`);
}

/** Of a container that has ended: what cannot be removed now goes when the container is removed. */
export function removeCgroupAside(engine: CgroupEngine, path: CgroupPath): void {
  removeCgroup(engine, path).catch((error: unknown) =>
    engine.log.warn({ cgroup: path, error: String(error) }, "control group is left until its container is removed"),
  );
}

interface CgroupEngine {
  readonly cgroups: Cgroups;
  readonly clock: Clock;
  readonly log: Log;
  readonly config: Pick<Config, "cgroup">;
}

/** The last pod that named no parent takes the default one with it: a daemon leaves nothing behind. */
function removeDefaultParent(engine: CgroupEngine, path: CgroupPath): void {
  const parent = parseCgroupPath(engine.config.cgroup.defaultParent);
  if (path.slice(0, path.lastIndexOf("/")) === parent) engine.cgroups.removeIfUnused(parent);
}
