import { failedPrecondition } from "../../errors/crib-error.ts";
import type { LinuxContainerResources } from "../../gen/runtime/v1/api_pb.ts";
import { limitsOfSpec, updatedLimits, withLimitsInForce } from "../../oci/resources.ts";
import type { RuntimeSpec, SpecResources } from "../../oci/runtime-spec.ts";
import { mergeResources, specResources } from "../../oci/spec-resources.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import { adjustOomScore } from "../request/oom-score.ts";

/** A start may hold the container; the kubelet asks again. */
const lockMs = 10_000;

/**
 * Changes a container's limits: in the kernel if it runs, and in its spec, which a later start and the status use. The kernel
 * comes first: what it refuses is not recorded, and the adapter has put back what it had written. What is recorded is what
 * the kernel holds afterwards.
 */
export async function updateResources(
  engine: PodEngine,
  idOrPrefix: string,
  limits: LinuxContainerResources,
): Promise<void> {
  const found = getRecord("container", engine.containers, idOrPrefix);
  using _held = await engine.locks.acquire(found.id, { doing: "is being updated", withinMs: lockMs });
  const record = getRecord("container", engine.containers, found.id);
  if (record.state !== "created" && record.state !== "running") {
    throw failedPrecondition(`container ${record.id} is ${record.state}: its resources cannot be updated`);
  }
  const requested = specResources(limits, []);
  const merged = mergeResources(record.spec.linux.resources, requested);
  const changes = updatedLimits(requested, merged);
  const running = record.state === "running";
  if (running) engine.cgroups.update(record.cgroup, changes);
  const inForce: SpecResources = running
    ? withLimitsInForce(merged, engine.cgroups.readBack(record.cgroup, limitsOfSpec(merged)))
    : merged;
  const spec: RuntimeSpec = {
    ...record.spec,
    process: { ...record.spec.process, ...newOomScore(engine, record, Number(limits.oomScoreAdj)) },
    linux: { ...record.spec.linux, resources: { ...inForce, devices: record.spec.linux.resources.devices } },
  };
  engine.ledger.amendContainer(record.id, { spec }, { document: true });
}

/** Zero is "not set". A score that may not be lowered here stays, as it does at the start. */
function newOomScore(
  engine: PodEngine,
  record: ContainerRecord,
  score: number,
): Pick<RuntimeSpec["process"], "oomScoreAdj"> {
  const old = record.spec.process.oomScoreAdj ?? 0;
  if (score === 0 || score === old) return {};
  if (record.state !== "running") return { oomScoreAdj: score };
  const { refused } = adjustOomScore(engine.cgroups.pids(record.cgroup), old, score);
  if (!refused) return { oomScoreAdj: score };
  engine.log.warn({ container: record.id, score }, "oom_score_adj left as it was: lowering it needs CAP_SYS_RESOURCE");
  return {};
}
