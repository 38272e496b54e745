import type { HostPath } from "../../ids/path.ts";
import type { Kernel } from "../../kernel/port.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { RuntimeCgroups } from "../port.ts";
import type { ShimCommand } from "./shim-command.ts";
import type { ShimEvents } from "./shim-events.ts";
import type { ShimPlaces } from "./shim-places.ts";

/** What pods with a shim are made of. */
export interface ShimTools {
  readonly kernel: Pick<Kernel, "processStatus" | "pidfdOpen" | "pidfdSendSignal" | "close">;
  readonly cgroups: Pick<RuntimeCgroups, "oomFile">;
  readonly clock: Clock;
  readonly log: Log;
  readonly command: ShimCommand;
  readonly events: ShimEvents;
  /** The daemon's directory: pods have theirs below it. */
  readonly state: HostPath;
  /** The daemon, which lives in the host's namespaces. */
  readonly daemon: number;
  readonly places: ShimPlaces;
}
