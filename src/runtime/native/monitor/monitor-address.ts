import type { SandboxId } from "../../../ids/object-id.ts";
import type { MonitorDoor } from "./connection.ts";

/** Where a monitor is reached, and who it must be. */
export interface MonitorAddress extends MonitorDoor {
  readonly sandboxId: SandboxId;
}
