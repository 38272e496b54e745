import { failedPrecondition } from "../../errors/crib-error.ts";
import type { ContainerAdjustment, ContainerUpdate } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import { Claims } from "../adjust/claims.ts";
import { editSpec } from "../adjust/edit-spec.ts";
import { mergeAdjustments } from "../adjust/merge-adjustments.ts";
import { describeContainer } from "../describe/describe-container.ts";
import { describePod } from "../describe/describe-pod.ts";
import { changingRequests } from "../plugin/plugin-events.ts";
import type { RegisteredPlugin } from "../plugin/registered-plugin.ts";
import type { CreateOutcome, PluginContainer, PluginPod, PluginUpdate } from "../port.ts";
import { otherUpdates } from "./relay-update.ts";

/**
 * Asks every plugin in turn what a new container should be; each sees what those before it made of it. Validators see the whole
 * at the end and may refuse it.
 *
 * @throws {CribError} failed-precondition for a conflict, a wish that crib does not grant, and a validator's refusal.
 */
export async function relayCreation(
  plugins: readonly RegisteredPlugin[],
  pod: PluginPod,
  container: PluginContainer,
  injectCdi: (spec: RuntimeSpec, devices: readonly string[]) => RuntimeSpec,
): Promise<CreateOutcome> {
  const claims = new Claims();
  const updateClaims = new Map<string, Claims>();
  const adjustments: ContainerAdjustment[] = [];
  const asked: ContainerUpdate[] = [];
  const updates: PluginUpdate[] = [];
  const describedPod = describePod(pod);
  let { spec } = container;
  for (const plugin of plugins) {
    if (!plugin.wants(changingRequests.createContainer)) continue;
    const input = { pod: describedPod, container: describeContainer({ ...container, spec }) };
    const reply = await plugin.ask(changingRequests.createContainer, input, {});
    if (reply === undefined) continue;
    refuseOwnUpdate(reply.update, container, plugin);
    if (reply.adjust !== undefined) {
      const devices = reply.adjust.CDIDevices.map(({ name }) => name);
      for (const name of devices) claims.claim(plugin.name, "CDI device", name);
      spec = editSpec(devices.length === 0 ? spec : injectCdi(spec, devices), reply.adjust, claims, plugin.name);
      adjustments.push(reply.adjust);
    }
    asked.push(...reply.update);
    updates.push(...otherUpdates(reply.update, plugin.name, updateClaims));
  }
  await validate(plugins, pod, container, { claims, adjustments, updates: asked });
  return { spec, updates };
}

function refuseOwnUpdate(updates: readonly ContainerUpdate[], { id }: PluginContainer, plugin: RegisteredPlugin): void {
  if (updates.some(({ containerId }) => containerId === id)) {
    throw failedPrecondition(`plugin ${plugin.name} asked to update container ${id} while it is being created`);
  }
}

interface Asked {
  readonly claims: Claims;
  readonly adjustments: readonly ContainerAdjustment[];
  readonly updates: readonly ContainerUpdate[];
}

/** A validator that does not answer refuses: it is there to keep something out. */
async function validate(
  plugins: readonly RegisteredPlugin[],
  pod: PluginPod,
  container: PluginContainer,
  { claims, adjustments, updates }: Asked,
): Promise<void> {
  const validators = plugins.filter((plugin) => plugin.wants(changingRequests.validate));
  if (validators.length === 0) return;
  const input = {
    pod: describePod(pod),
    container: describeContainer(container),
    adjust: mergeAdjustments(adjustments),
    update: [...updates],
    owners: { owners: { [container.id]: claims.describe() } },
    plugins: plugins.map(({ name }) => ({ index: name.slice(0, 2), name: name.slice(3) })),
  };
  for (const validator of validators) {
    const verdict = await validator.ask(changingRequests.validate, input, {});
    if (verdict === undefined) {
      throw failedPrecondition(`plugin ${validator.name} did not validate the adjustment of container ${container.id}`);
    }
    if (verdict.reject) {
      throw failedPrecondition(
        `plugin ${validator.name} rejected the adjustment of container ${container.id}: ${verdict.reason === "" ? "it gives no reason" : verdict.reason}`,
      );
    }
  }
}
