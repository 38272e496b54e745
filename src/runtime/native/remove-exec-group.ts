import type { CgroupPath } from "../../ids/path.ts";
import type { RuntimeCgroups } from "../port.ts";
import type { NativeTools } from "./native-tools.ts";

const attempts = 100;
const pauseMs = 20;

/**
 * Removes the group of an exec that is over. The first attempt is made before this returns, and mostly enough; a killed
 * process leaves its group only when the kernel has torn it down, which is waited out aside, up to two seconds. What is
 * still there then goes with the container.
 */
export function removeExecGroup(engine: ExecGroupEngine, container: CgroupPath, execId: string): void {
  if (engine.cgroups.removeExec(container, execId)) return;
  retry(engine, container, execId).catch((error: unknown) =>
    engine.log.warn({ exec: execId, err: error }, "control group of an exec is left to its container"),
  );
}

type ExecGroupEngine = Pick<NativeTools, "clock" | "log"> & {
  readonly cgroups: Pick<RuntimeCgroups, "removeExec">;
};

async function retry(engine: ExecGroupEngine, container: CgroupPath, execId: string): Promise<void> {
  for (let attempt = 1; attempt < attempts; attempt++) {
    await engine.clock.sleep(pauseMs);
    if (engine.cgroups.removeExec(container, execId)) return;
  }
  engine.log.debug({ exec: execId }, "control group of an exec is still in use: it goes with the container");
}
