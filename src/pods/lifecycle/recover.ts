import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { CribError } from "../../errors/crib-error.ts";
import type { ContainerId, SandboxId } from "../../ids/object-id.ts";
import { parseContainerId, parseSandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import type { ContainerExit, Monitor } from "../../runtime/monitor/port.ts";
import type { SandboxIntent } from "../../state/intents.ts";
import type { SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { emptyTrash, removeContainerDirectory } from "../host/container-directory.ts";
import { releaseImages } from "../host/image-volumes.ts";
import { unmountShm, unpinNetns } from "../host/pins.ts";
import { removeCgroup } from "../host/remove-cgroup.ts";
import { sandboxDirectory } from "../host/sandbox-files.ts";
import { removeStateDirectory } from "../host/state-directory.ts";
import { containersOf } from "../ledger/containers-of.ts";
import { handleExit } from "./handle-exit.ts";
import { unknownExitCode } from "./handle-monitor-lost.ts";
import { markNotReady } from "./mark-not-ready.ts";
import { watchMonitor } from "./watch-monitor.ts";

/**
 * Brings records and host back together after a restart, a crash or a reboot, before the first request is answered.
 *
 * Every pod is recovered by itself: one that cannot be is logged and left not ready, it never holds up the others.
 * The order matters: live pods first (their addresses must be known before the network sweeps), then what was half made.
 */
export async function recover(engine: PodEngine): Promise<void> {
  for (const container of engine.containers.all()) {
    if (container.state === "removing") continue;
    await guarded(engine, container.id, () => engine.images.acquireRootfs(container.imageId, container.id));
  }
  await Promise.all(
    engine.sandboxes.all().map((sandbox) => guarded(engine, sandbox.id, () => recoverSandbox(engine, sandbox))),
  );
  for (const intent of engine.intents.open(engine.log)) {
    await guarded(engine, intent.id, () => undoIntent(engine, intent));
  }
  await finishRemovals(engine);
  await sweepOrphans(engine);
  const live = engine.sandboxes
    .all()
    .flatMap((sandbox) =>
      sandbox.networkRequest !== undefined && sandbox.network !== undefined && !sandbox.networkReleased
        ? [{ request: sandbox.networkRequest, attachment: sandbox.network }]
        : [],
    );
  await guarded(engine, "network", () => engine.network.reconcile(live));
}

async function guarded(engine: PodEngine, id: string, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    engine.log.error({ id, error: String(error) }, "recovery of one record failed; the others go on");
  }
}

async function recoverSandbox(engine: PodEngine, sandbox: SandboxRecord): Promise<void> {
  if (sandbox.state === "notready" && sandbox.networkReleased) return;
  const monitor = sandbox.bootId === engine.bootId ? await reconnect(engine, sandbox) : undefined;
  const exits = monitor === undefined ? undefined : await adopt(engine, sandbox, monitor);
  if (monitor !== undefined && exits !== undefined && sandbox.state === "ready") {
    for (const exit of exits) handleExit(engine, exit);
    engine.sandboxGroups.want(sandbox);
    return;
  }
  const records = new Map(engine.launcher.readExitRecords(sandbox.directory).map((exit) => [exit.id, exit]));
  for (const container of containersOf(engine, sandbox.id)) {
    if (container.state !== "running") continue;
    engine.cgroups.kill(container.cgroup);
    handleExit(engine, records.get(container.id) ?? unknownExit(engine, container.id));
  }
  await markNotReady(engine, sandbox.id);
}

function unknownExit(engine: PodEngine, id: ContainerId): ContainerExit {
  return { id, exitCode: unknownExitCode, signal: 0, finishedAtNs: engine.clock.now(), oomKilled: false };
}

async function reconnect(engine: PodEngine, sandbox: SandboxRecord): Promise<Monitor | undefined> {
  try {
    return await engine.launcher.reconnect(sandbox.id, sandbox.directory);
  } catch (error) {
    if (!CribError.is(error)) throw error;
    engine.log.warn(
      { sandbox: sandbox.id, error: error.message },
      "monitor is gone: the pod ended while crib was away",
    );
    return undefined;
  }
}

/** Takes the monitor's word for what runs and what has exited; returns the exits that records do not know yet. */
async function adopt(engine: PodEngine, sandbox: SandboxRecord, monitor: Monitor): Promise<readonly ContainerExit[]> {
  engine.monitors.set(sandbox.id, monitor);
  watchMonitor(engine, monitor);
  const exits: ContainerExit[] = [];
  const monitored = new Map((await monitor.list()).map((item) => [item.id, item]));
  for (const container of containersOf(engine, sandbox.id)) {
    const seen = monitored.get(container.id);
    if (seen === undefined) {
      if (container.state === "running") exits.push(unknownExit(engine, container.id));
      continue;
    }
    if (container.state === "created") {
      const startTime = engine.kernel.processStartTime(seen.pid) ?? 0n;
      engine.containers.put(
        { ...container, state: "running", startedAtNs: seen.startedAtNs, process: { pid: seen.pid, startTime } },
        { durable: false },
      );
    }
    if (seen.exit !== undefined) exits.push(seen.exit);
  }
  return exits;
}

/** A pod that was being made when the daemon died: nobody got its id, so all of it goes. */
async function undoIntent(engine: PodEngine, intent: SandboxIntent): Promise<void> {
  if (engine.sandboxes.get(intent.id) !== undefined) {
    engine.intents.clear(intent.id);
    return;
  }
  engine.log.info({ sandbox: intent.id }, "undoing a sandbox that was never finished");
  await endMonitor(engine, intent.id, intent.directory);
  if (intent.networkRequest !== undefined) {
    await engine.network.detach(intent.networkRequest, undefined);
    unpinNetns(engine, intent.networkRequest.netns);
  }
  unmountShm(engine, intent.directory);
  if (intent.ownsCgroup) await removeCgroup(engine, intent.cgroup);
  await removeStateDirectory(engine, intent.directory);
  engine.intents.clear(intent.id);
}

async function endMonitor(engine: PodEngine, id: SandboxId, directory: HostPath): Promise<void> {
  if (!existsSync(joinHostPath(directory, "monitor.sock"))) return;
  try {
    const monitor = await engine.launcher.reconnect(id, directory);
    await monitor.shutdown();
  } catch (error) {
    if (!CribError.is(error, "unavailable")) throw error;
  }
}

/** Removals that were recorded but not finished, and the deletion of what they threw away. */
async function finishRemovals(engine: PodEngine): Promise<void> {
  for (const container of engine.containers.all()) {
    if (container.state !== "removing") continue;
    await removeCgroup(engine, container.cgroup);
    removeContainerDirectory(engine, container.id);
    engine.containers.delete(container.id);
  }
  emptyTrash(engine);
}

/** Directories named by ids that no record holds, and containers whose sandbox is gone. */
async function sweepOrphans(engine: PodEngine): Promise<void> {
  for (const container of engine.containers.all()) {
    if (engine.sandboxes.isKnown(container.sandboxId)) continue;
    await removeCgroup(engine, container.cgroup);
    removeContainerDirectory(engine, container.id);
    releaseImages(engine, container.id, container.config);
    engine.containers.delete(container.id);
  }
  for (const name of list(joinHostPath(engine.config.root, "containers"))) {
    await guarded(engine, name, () => {
      const id = parseContainerId(name);
      if (!engine.containers.isKnown(id)) removeContainerDirectory(engine, id);
    });
  }
  for (const name of list(joinHostPath(engine.config.state, "pods"))) {
    await guarded(engine, name, async () => {
      const id = parseSandboxId(name);
      if (engine.sandboxes.isKnown(id)) return;
      const directory = sandboxDirectory(engine.config.state, id);
      await endMonitor(engine, id, directory);
      unmountShm(engine, directory);
      await removeStateDirectory(engine, directory);
    });
  }
  for (const name of list(joinHostPath(engine.config.state, "netns"))) {
    await guarded(engine, name, () => {
      const id = parseSandboxId(name);
      const sandbox = engine.sandboxes.get(id);
      if (sandbox === undefined ? !engine.sandboxes.isKnown(id) : sandbox.netns === undefined)
        unpinNetns(engine, joinHostPath(engine.config.state, "netns", id));
    });
  }
}

function list(directory: HostPath): readonly string[] {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return readdirSync(directory);
}
