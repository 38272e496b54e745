import type { Config } from "../config/config.ts";
import type { AdjustableLog } from "../observe/pino-log.ts";

/** SIGHUP: takes the log level over and says what else has changed. A broken file changes nothing and ends nothing. */
export function logConfigChange(running: Config, reload: () => Config, log: AdjustableLog): void {
  let read: Config;
  try {
    read = reload();
  } catch (error) {
    log.error({ err: error }, "configuration not reloaded");
    return;
  }
  log.setLevel(read.log.level);
  const changed = (Object.keys(running) as (keyof Config)[]).filter(
    (key) => key !== "log" && JSON.stringify(running[key]) !== JSON.stringify(read[key]),
  );
  log.info(
    { logLevel: read.log.level, ...(changed.length === 0 ? {} : { waitForRestart: changed }) },
    "configuration reloaded",
  );
}
