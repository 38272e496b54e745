import { mkdirSync, readdirSync } from "node:fs";
import type { ContainerId, SandboxId } from "../../ids/object-id.ts";
import { parseContainerId, parseSandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath, parseCgroupPath } from "../../ids/path.ts";
import { sandboxDirectory } from "../../runtime/sandbox-directory.ts";
import type { SandboxIntent } from "../../state/intents.ts";
import type { SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { emptyTrash, removeContainerDirectory } from "../host/container-directory.ts";
import { unpinNetns } from "../host/pinned-mounts.ts";
import { handleMonitorGone } from "./handle-monitor-gone.ts";
import { finishRemoval } from "./remove-container.ts";
import { isMonitorDead, seekMonitor } from "./seek-monitor.ts";
import { resumeStop } from "./stop-container.ts";
import { releaseSandbox } from "./teardown/end-sandbox.ts";
import { holdingsOfIntent, undoSandbox } from "./teardown/sandbox-undo.ts";
import { isReleased, removeSteps } from "./teardown/teardown.ts";

/** A removal that a client asked for may be under way. */
const removalLockMs = 20_000;

/** What a former daemon left without a record. Taken before this one makes anything, so that nothing of its own is among it. */
export interface Leftovers {
  readonly intents: readonly SandboxIntent[];
  readonly containers: readonly ContainerId[];
  readonly pods: readonly SandboxId[];
  readonly netns: readonly SandboxId[];
}

/**
 * What must be known before anything is asked of this daemon, from records and directories alone: which images are held,
 * which addresses are taken, what is left over. No monitor, and nothing of a pod's, is waited for.
 */
export async function takeStock(engine: PodEngine): Promise<Leftovers> {
  const { root, state } = engine.config;
  for (const container of engine.containers.all()) {
    if (container.state === "removing") continue;
    await guarded(engine, container.id, () => engine.images.acquireRootfs(container.imageId, container.id));
  }
  const live = engine.sandboxes
    .all()
    .flatMap((sandbox) =>
      sandbox.networkRequest !== undefined && sandbox.network !== undefined && !sandbox.networkReleased
        ? [{ request: sandbox.networkRequest, attachment: sandbox.network }]
        : [],
    );
  await guarded(engine, "network", () => engine.network.reconcile(live));
  const intents = engine.intents.open(engine.log);
  const intended = new Set<string>(intents.map(({ id }) => id));
  const containers = await idsIn(engine, joinHostPath(root, "containers"), parseContainerId);
  const pods = await idsIn(engine, joinHostPath(state, "pods"), parseSandboxId);
  const netns = await idsIn(engine, joinHostPath(state, "netns"), parseSandboxId);
  return {
    intents,
    containers: containers.filter((id) => !engine.containers.isKnown(id)),
    pods: pods.filter((id) => !engine.sandboxes.isKnown(id) && !intended.has(id)),
    netns: netns.filter((id) => {
      const sandbox = engine.sandboxes.get(id);
      const unused = sandbox === undefined ? !engine.sandboxes.isKnown(id) : sandbox.netns === undefined;
      return unused && !intended.has(id);
    }),
  };
}

/**
 * Brings records and host back together after a restart, a crash or a reboot: every pod by itself and side by side with the
 * others, and then what no record names. A pod whose monitor does not answer is unknown, and looked for from then on.
 */
export async function recover(engine: PodEngine, leftovers: Leftovers): Promise<void> {
  await Promise.all([
    ...engine.sandboxes.all().map((sandbox) => guarded(engine, sandbox.id, () => recoverSandbox(engine, sandbox))),
    ...leftovers.intents.map((intent) => guarded(engine, intent.id, () => undoIntent(engine, intent))),
    ...leftovers.pods.map((id) => guarded(engine, id, () => endOrphan(engine, id))),
  ]);
  await finishRemovals(engine);
  await removeOrphanContainers(engine);
  for (const id of leftovers.containers) await guarded(engine, id, () => removeContainerDirectory(engine, id));
  for (const id of leftovers.netns) {
    await guarded(engine, id, () => unpinNetns(engine, joinHostPath(engine.config.state, "netns", id)));
  }
}

async function guarded(engine: PodEngine, id: string, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    engine.log.error({ id, error: String(error) }, "recovery of one record failed; the others go on");
  }
}

async function recoverSandbox(engine: PodEngine, sandbox: SandboxRecord): Promise<void> {
  if (isReleased(sandbox)) return;
  if (sandbox.state === "notready") {
    await releaseSandbox(engine, sandbox.id);
    return;
  }
  if (isMonitorDead(engine, sandbox)) {
    await handleMonitorGone(engine, sandbox);
    return;
  }
  await seekMonitor(engine, sandbox.id, "it has not been asked yet");
  engine.sandboxGroups.want(sandbox);
  resumeStops(engine, sandbox.id);
}

function resumeStops(engine: PodEngine, id: SandboxId): void {
  for (const container of engine.containers.inGroup(id)) {
    if (container.state !== "running" || container.stop === undefined) continue;
    void guarded(engine, container.id, () => resumeStop(engine, container.id));
  }
}

/** A pod that was being made when the daemon died: nobody got its id, so all of it goes. */
async function undoIntent(engine: PodEngine, intent: SandboxIntent): Promise<void> {
  if (engine.sandboxes.get(intent.id) !== undefined) {
    engine.intents.clear(intent.id);
    return;
  }
  engine.log.info({ sandbox: intent.id }, "undoing a sandbox that was never finished");
  await undoSandbox(engine, holdingsOfIntent(intent), removeSteps);
}

/** A directory, and perhaps a monitor, of which neither a record nor an intent speaks. */
async function endOrphan(engine: PodEngine, id: SandboxId): Promise<void> {
  const directory = sandboxDirectory(engine.config.state, id);
  const cgroup = parseCgroupPath(engine.config.cgroup.defaultParent);
  const holdings = holdingsOfIntent({ id, directory, cgroup, ownsCgroup: false, networkRequest: undefined });
  await undoSandbox(engine, holdings, ["monitor", "shm", "files"]);
}

/** Removals that were recorded but not finished, and the deletion of what they threw away. */
async function finishRemovals(engine: PodEngine): Promise<void> {
  for (const { id, state } of engine.containers.all()) {
    if (state !== "removing") continue;
    await guarded(engine, id, async () => {
      using _held = await engine.locks.acquire(id, { doing: "is being removed", withinMs: removalLockMs });
      await finishRemoval(engine, id);
    });
  }
  // Nobody waits for it: it may be large, and its disk slow.
  void guarded(engine, "trash", () => emptyTrash(engine));
}

/** Containers whose sandbox is gone. */
async function removeOrphanContainers(engine: PodEngine): Promise<void> {
  for (const { id, sandboxId, state, cgroup } of engine.containers.all()) {
    if (engine.sandboxes.isKnown(sandboxId)) continue;
    await guarded(engine, id, () => {
      engine.cgroups.kill(cgroup);
      if (state === "running") engine.ledger.moveContainer(id, "exited", { process: undefined });
      if (state !== "removing") engine.ledger.moveContainer(id, "removing");
      return finishRemoval(engine, id);
    });
  }
}

/** The ids in a directory of ours; what is no id is not ours, and is told. */
async function idsIn<Id>(engine: PodEngine, directory: HostPath, parse: (name: string) => Id): Promise<readonly Id[]> {
  const ids: Id[] = [];
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(directory)) {
    await guarded(engine, name, () => ids.push(parse(name)));
  }
  return ids;
}
