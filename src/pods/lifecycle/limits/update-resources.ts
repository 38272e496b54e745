import type { ContainerId } from "../../../ids/object-id.ts";
import type { UpdateOutcome } from "../../../nri/port.ts";
import { TimeSlice } from "../../../observe/time-slice.ts";
import { specResources } from "../../../oci/resources/spec-resources.ts";
import type { RuntimeSpec, SpecResources } from "../../../oci/runtime-spec.ts";
import type { ResourceLimits } from "../../../spec/resource-limits.ts";
import type { ContainerRecord } from "../../../state/records.ts";
import type { PodEngine } from "../../engine.ts";
import { getRecord } from "../../ledger/resolve-id.ts";
import { applyPluginUpdates } from "../../plugins/apply-plugin-updates.ts";
import { pluginContainer, pluginPod } from "../../plugins/plugin-views.ts";
import { noteToPlugins, tellContainerPlugins } from "../../plugins/tell-plugins.ts";
import { adjustOomScore } from "../../request/oom-score.ts";
import { changeLimits, updatableContainer } from "./change-limits.ts";

/** A start may hold the container; the kubelet asks again. */
const lockMs = 10_000;

/** Changes a container's limits, after its plugins' wishes; tells plugins afterwards. */
export async function updateResources(engine: PodEngine, idOrPrefix: string, limits: ResourceLimits): Promise<void> {
  const { id } = getRecord("container", engine.containers, idOrPrefix);
  // Of other containers, whose locks are not waited for with this one's held.
  await applyPluginUpdates(engine, await updateOne(engine, id, limits));
}

async function updateOne(
  engine: PodEngine,
  id: ContainerId,
  limits: ResourceLimits,
): Promise<UpdateOutcome["updates"]> {
  using _held = await engine.locks.acquire(id, { doing: "is being updated", withinMs: lockMs });
  const asked = updatableContainer(engine, id);
  const { resources, updates } = await pluginsWishes(engine, asked, specResources(limits, []));
  const score = Number(limits.oomScoreAdj);
  const slice = new TimeSlice(engine.clock);
  const pids = score === 0 ? [] : await engine.cgroups.pidsInTurns(asked.cgroup, () => slice.turn());
  changeLimits(
    engine,
    id,
    () => resources,
    (record) => newOomScore(engine, record, score, pids),
  );
  const changed = getRecord("container", engine.containers, id);
  await noteToPlugins(engine, tellContainerPlugins(engine, "post-update", changed));
  return updates;
}

async function pluginsWishes(
  engine: PodEngine,
  container: ContainerRecord,
  requested: SpecResources,
): Promise<UpdateOutcome> {
  const sandbox = engine.sandboxes.get(container.sandboxId);
  if (!engine.plugins.any || sandbox === undefined) return { resources: requested, updates: [] };
  return await engine.plugins.updateContainer(pluginPod(sandbox), pluginContainer(container), requested);
}

/** Zero is "not set". A score that may not be lowered here stays, as it does at the start. */
function newOomScore(
  engine: PodEngine,
  record: ContainerRecord,
  score: number,
  pids: readonly number[],
): Pick<RuntimeSpec["process"], "oomScoreAdj"> {
  const old = record.spec.process.oomScoreAdj ?? 0;
  if (score === 0 || score === old) return {};
  if (record.state !== "running") return { oomScoreAdj: score };
  const { refused } = adjustOomScore(pids, old, score);
  if (!refused) return { oomScoreAdj: score };
  engine.log.warn({ container: record.id, score }, "oom_score_adj left as it was: lowering it needs CAP_SYS_RESOURCE");
  return {};
}
