import { failedPrecondition } from "../../errors/crib-error.ts";
import type { PodEngine } from "../engine.ts";
import { getRecord } from "../ledger/resolve-id.ts";

/** Makes the monitor open the log file anew after the kubelet has rotated it. */
export async function reopenLog(engine: PodEngine, idOrPrefix: string): Promise<void> {
  const record = getRecord("container", engine.containers, idOrPrefix);
  if (record.state !== "running") {
    throw failedPrecondition(
      `container ${record.id} is ${record.state}: only a running container's log can be reopened`,
    );
  }
  const monitor = await engine.monitors.reach(record.sandboxId);
  await monitor.reopenLog(record.id);
}
