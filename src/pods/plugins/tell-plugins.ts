import type { ContainerEvent, PodEvent } from "../../nri/port.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { applyPluginUpdates } from "./apply-plugin-updates.ts";
import { pluginContainer, pluginPod } from "./plugin-views.ts";

/** Tells plugins of a pod before it goes on. @throws {CribError} a plugin's refusal. */
export async function tellPodPlugins(engine: PodEngine, event: PodEvent, sandbox: SandboxRecord): Promise<void> {
  if (engine.plugins.any) await engine.plugins.podEvent(event, pluginPod(sandbox));
}

/** Tells plugins of a container before it goes on. @throws {CribError} a plugin's refusal. */
export async function tellContainerPlugins(
  engine: PodEngine,
  event: ContainerEvent,
  container: ContainerRecord,
): Promise<void> {
  const sandbox = engine.sandboxes.get(container.sandboxId);
  if (!engine.plugins.any || sandbox === undefined) return;
  await engine.plugins.containerEvent(event, pluginPod(sandbox), pluginContainer(container));
}

/** What has happened is not undone by a plugin that objects: it is told and the objection logged. */
export async function noteToPlugins(engine: PodEngine, telling: Promise<unknown>): Promise<void> {
  try {
    await telling;
  } catch (error) {
    engine.log.warn({ error: String(error) }, "a plugin answered an event with an error");
  }
}

/** An exit, whoever caused it; the plugins' changes to other containers are tried. Nothing waits for it. */
export function tellStopped(engine: PodEngine, container: ContainerRecord): void {
  const sandbox = engine.sandboxes.get(container.sandboxId);
  if (!engine.plugins.any || sandbox === undefined) return;
  const told = engine.plugins
    .stopContainer(pluginPod(sandbox), pluginContainer(container))
    .then((updates) => applyPluginUpdates(engine, updates));
  void noteToPlugins(engine, told);
}
