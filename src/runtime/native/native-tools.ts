import type { Kernel } from "../../kernel/port.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { RuntimeCgroups } from "../port.ts";
import type { MonitorLauncher } from "./monitor/port.ts";
import type { SeccompCache } from "./seccomp-cache.ts";

/** What the native runtime is made of. */
export interface NativeTools {
  readonly kernel: Pick<Kernel, "processStatus" | "pidfdOpen" | "pidfdSendSignal" | "close">;
  readonly launcher: MonitorLauncher;
  readonly seccomp: SeccompCache;
  readonly cgroups: RuntimeCgroups;
  readonly clock: Clock;
  readonly log: Log;
}
