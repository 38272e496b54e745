import type { Monitor } from "../../runtime/monitor/port.ts";
import type { PodEngine } from "../engine.ts";
import { handleExit } from "./handle-exit.ts";
import { handleMonitorLost } from "./handle-monitor-lost.ts";

/** From here on the monitor's exits become records and its death is noticed. */
export function watchMonitor(engine: PodEngine, monitor: Monitor): void {
  monitor.onExit((exit) => handleExit(engine, exit));
  void monitor.lost.then(() => handleMonitorLost(engine, monitor));
}
