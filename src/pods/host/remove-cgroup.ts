import { type CgroupPath, parseCgroupPath } from "../../ids/path.ts";
import type { PodEngine } from "../engine.ts";

type Engine = Pick<PodEngine, "cgroups" | "clock" | "config" | "log">;

const attempts = 100;
const pauseMs = 10;

/**
 * Removes a control group whose processes are dying: a killed process leaves its group only when the kernel has torn it
 * down, so EBUSY is waited out, up to a second. What is still there then is logged and swept at the next start.
 */
export async function removeCgroup(engine: Engine, path: CgroupPath): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      engine.cgroups.remove(path);
      removeDefaultParent(engine, path);
      return;
    } catch (error) {
      if (attempt === attempts - 1) {
        engine.log.warn(
          { cgroup: path, pids: engine.cgroups.pids(path), error: String(error) },
          "cgroup cannot be removed",
        );
        return;
      }
      engine.cgroups.kill(path);
    }
    await engine.clock.sleep(pauseMs);
  }
}

/** The last pod that named no parent takes the default one with it: a daemon leaves nothing behind. */
function removeDefaultParent(engine: Engine, path: CgroupPath): void {
  const parent = parseCgroupPath(engine.config.cgroup.defaultParent);
  if (path.slice(0, path.lastIndexOf("/")) === parent) engine.cgroups.removeIfUnused(parent);
}
