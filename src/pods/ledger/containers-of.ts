import type { SandboxId } from "../../ids/object-id.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";

/** The containers of one sandbox, oldest first. */
export function containersOf(engine: PodEngine, sandboxId: SandboxId): readonly ContainerRecord[] {
  return engine.containers.inGroup(sandboxId);
}
