import { parseCdiDeviceName } from "../../cdi/device-name.ts";
import type { CreateOutcome } from "../../nri/port.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { resolveCdi } from "../request/resolve-cdi.ts";
import { pluginContainer, pluginPod } from "./plugin-views.ts";

/** What plugins make of a container before it is there. @throws {CribError} a refusal, a conflict, a wish that cannot be granted. */
export async function askPluginsToCreate(
  engine: PodEngine,
  sandbox: SandboxRecord,
  draft: ContainerRecord,
): Promise<CreateOutcome> {
  if (!engine.plugins.any) return { spec: draft.spec, updates: [] };
  return await engine.plugins.createContainer(pluginPod(sandbox), pluginContainer(draft), (spec, devices) =>
    resolveCdi(
      engine,
      devices.map((name) => parseCdiDeviceName(name, "a plugin's CDI_devices")),
      spec,
    ),
  );
}
