import type { SandboxId } from "../../../ids/object-id.ts";
import type { Clock } from "../../../observe/clock.ts";
import type { MonitorDial } from "./session-connection.ts";

/** Where and how to reach a monitor. */
export interface MonitorAddress {
  readonly path: string;
  readonly sandboxId: SandboxId;
  /** For the connections of its sessions. */
  readonly dial: MonitorDial;
  readonly clock: Pick<Clock, "sleep">;
  readonly helloMs: number;
}
