import type { CgroupPath } from "../ids/path.ts";
import type { PodEngine } from "./engine.ts";

const attempts = 100;
const pauseMs = 10;

/**
 * Removes a control group whose processes are dying: a killed process leaves its group only when the kernel has torn it
 * down, so EBUSY is waited out, up to a second. What is still there then is logged and swept at the next start.
 */
export async function removeCgroup(engine: PodEngine, path: CgroupPath): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      engine.cgroups.remove(path);
      return;
    } catch (error) {
      if (attempt === attempts - 1) {
        engine.log.warn({ cgroup: path, pids: engine.cgroups.pids(path), error: String(error) }, "cgroup cannot be removed");
        return;
      }
      engine.cgroups.kill(path);
    }
    await engine.clock.sleep(pauseMs);
  }
}
