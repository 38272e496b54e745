import { rm } from "node:fs/promises";
import type { HostPath } from "../../ids/path.ts";
import type { PodEngine } from "../engine.ts";

/** Removes a sandbox's directory on the state tmpfs: a dozen small files. */
export async function removeStateDirectory(engine: PodEngine, directory: HostPath): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  engine.log.debug({ directory }, "state directory removed");
}
