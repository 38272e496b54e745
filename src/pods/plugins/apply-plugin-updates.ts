import { notFound } from "../../errors/crib-error.ts";
import type { PluginUpdate } from "../../nri/port.ts";
import type { PodEngine } from "../engine.ts";
import { changeLimits } from "../lifecycle/limits/change-limits.ts";

/** A start or another change may hold the container; the plugin is told. */
const lockMs = 2_000;

/** Tries the changes that plugins ask for; the ids of those that failed and were not to be ignored. */
export async function applyPluginUpdates(
  engine: PodEngine,
  updates: readonly PluginUpdate[],
): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const update of updates) {
    try {
      await applyUpdate(engine, update);
    } catch (error) {
      engine.log.warn(
        { plugin: update.plugin, container: update.containerId, error: String(error) },
        "a change that a plugin asked for failed",
      );
      if (!update.ignoreFailure) failed.push(update.containerId);
    }
  }
  return failed;
}

async function applyUpdate(engine: PodEngine, { containerId, apply }: PluginUpdate): Promise<void> {
  const found = engine.containers.all().find(({ id }) => id === containerId);
  if (found === undefined) throw notFound("container", containerId);
  using _held = await engine.locks.acquire(found.id, { doing: "is being updated for a plugin", withinMs: lockMs });
  changeLimits(engine, found.id, apply);
}
