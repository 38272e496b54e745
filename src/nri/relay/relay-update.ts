import type { ContainerUpdate } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import type { SpecResources } from "../../oci/runtime-spec.ts";
import { Claims } from "../adjust/claims.ts";
import { editResources } from "../adjust/edit-resources.ts";
import { describeContainer } from "../describe/describe-container.ts";
import { describePod } from "../describe/describe-pod.ts";
import { describeResources } from "../describe/describe-resources.ts";
import { changingRequests } from "../plugin/plugin-events.ts";
import type { RegisteredPlugin } from "../plugin/registered-plugin.ts";
import type { PluginContainer, PluginPod, PluginUpdate, UpdateOutcome } from "../port.ts";

/** Asks every plugin in turn about new limits for a container; each sees what those before it made of them. */
export async function relayUpdate(
  plugins: readonly RegisteredPlugin[],
  pod: PluginPod,
  container: PluginContainer,
  requested: SpecResources,
): Promise<UpdateOutcome> {
  const claims = new Map([[container.id as string, new Claims()]]);
  const updates: PluginUpdate[] = [];
  const subject = { pod: describePod(pod), container: describeContainer(container) };
  let resources = requested;
  for (const plugin of plugins) {
    if (!plugin.wants(changingRequests.updateContainer)) continue;
    const input = { ...subject, linuxResources: describeResources(resources) };
    const reply = await plugin.ask(changingRequests.updateContainer, input, {});
    const wishes = reply?.update ?? [];
    for (const own of wishes.filter(({ containerId }) => containerId === container.id)) {
      resources = editResources(resources, own.linux?.resources, claimsOf(claims, container.id), plugin.name);
    }
    const others = wishes.filter(({ containerId }) => containerId !== container.id);
    updates.push(...otherUpdates(others, plugin.name, claims));
  }
  return { resources, updates };
}

/**
 * The changes a plugin wants for other containers. Two plugins that want the same of one are told when it is tried.
 */
export function otherUpdates(
  wishes: readonly ContainerUpdate[],
  plugin: string,
  claims: Map<string, Claims>,
): readonly PluginUpdate[] {
  return wishes.map(({ containerId, ignoreFailure, linux }) => ({
    containerId,
    plugin,
    ignoreFailure,
    apply: (resources) => editResources(resources, linux?.resources, claimsOf(claims, containerId), plugin),
  }));
}

function claimsOf(claims: Map<string, Claims>, containerId: string): Claims {
  const found = claims.get(containerId) ?? new Claims();
  claims.set(containerId, found);
  return found;
}
