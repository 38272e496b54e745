import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { Duplex } from "../../runtime/streams.ts";

/** What a port-forward of either protocol is made of. */
export interface PortForwardHost {
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly log: Log;
  /** Without a byte over any of its connections for this long the whole session ends. */
  readonly idleTimeoutMs: number;
  connect(port: number): Promise<Duplex>;
}
