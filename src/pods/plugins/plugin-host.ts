import type { PluginHost } from "../../nri/plugin-service.ts";
import type { PodEngine } from "../engine.ts";
import { applyPluginUpdates } from "./apply-plugin-updates.ts";
import { pluginContainer, pluginPod } from "./plugin-views.ts";

/** What plugins see of the pods beside the requests they are asked about. */
export function pluginHost(engine: PodEngine): PluginHost {
  return {
    pods: () => engine.sandboxes.all().map(pluginPod),
    containers: () => engine.containers.all().map(pluginContainer),
    applyUpdates: (updates) => applyPluginUpdates(engine, updates),
  };
}
