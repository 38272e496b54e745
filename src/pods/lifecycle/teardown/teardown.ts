import { rm } from "node:fs/promises";
import { CribError, internal } from "../../../errors/crib-error.ts";
import type { SandboxId } from "../../../ids/object-id.ts";
import type { CgroupPath, HostPath } from "../../../ids/path.ts";
import type { ProcessRef } from "../../../kernel/process/process-ref.ts";
import type { NetworkAttachment, PodNetworkRequest } from "../../../network/port.ts";
import type { SandboxRecord, TeardownStep } from "../../../state/records.ts";
import type { PodEngine } from "../../engine.ts";
import { unmountFiles, unpinNetns } from "../../host/pinned-mounts.ts";
import { removeCgroup } from "../../host/remove-cgroup.ts";
import type { StepFailure } from "./step-failure.ts";

/** Removes a sandbox's directory on the state tmpfs: a dozen small files. */
async function removeStateDirectory(engine: PodEngine, directory: HostPath): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  engine.log.debug({ directory }, "state directory removed");
}

/** What a pod holds of the machine. Undefined and false: it does not have that. */
export interface Holdings {
  readonly id: SandboxId;
  readonly directory: HostPath;
  /** Of the record; undefined: not known. */
  readonly handler?: string;
  readonly cgroup: CgroupPath;
  readonly ownsCgroup: boolean;
  readonly ownsShm: boolean;
  readonly netns: HostPath | undefined;
  readonly networkRequest: PodNetworkRequest | undefined;
  readonly network: NetworkAttachment | undefined;
  readonly monitor: ProcessRef | undefined;
  readonly init: ProcessRef | undefined;
}

interface Step {
  readonly name: TeardownStep;
  /** Steps without whose success this one would take away what they need to be repeated. */
  readonly after: readonly TeardownStep[];
  /** Takes the event loop a millisecond or more. */
  readonly isLong?: boolean;
  run(engine: PodEngine, holdings: Holdings): Promise<void> | void;
}

/**
 * The end of a pod, step by step: the same for a stop, a removal, the undoing of a pod that could not be made, and recovery.
 * Every step may be repeated, and succeeds when there is nothing left to do.
 */
const steps: readonly Step[] = [
  {
    name: "network",
    after: [],
    isLong: true,
    run: async (engine, { networkRequest, network }) => {
      if (networkRequest !== undefined) await engine.network.detach(networkRequest, network);
    },
  },
  {
    // A DEL that failed is repeated with the namespace in hand.
    name: "pins",
    after: ["network"],
    run: async (engine, { netns }) => {
      if (netns !== undefined) await unpinNetns(engine, netns);
    },
  },
  {
    name: "monitor",
    after: [],
    run: async (engine, { id, directory, handler, monitor, init }) => {
      try {
        const remains = { id, directory, handle: engine.monitors.get(id), keeper: monitor, init };
        await engine.runtimes.runtimeOf(handler).end(remains);
      } finally {
        engine.monitors.forget(id);
      }
    },
  },
  {
    name: "shm",
    after: [],
    run: (engine, { ownsShm, directory }) => unmountFiles(engine, directory, ownsShm),
  },
  {
    name: "cgroup",
    after: ["monitor"],
    isLong: true,
    run: async (engine, { id, ownsCgroup, cgroup }) => {
      if (ownsCgroup) await removeCgroup(engine, cgroup);
      else await engine.sandboxGroups.remove({ id, cgroup });
    },
  },
  {
    name: "files",
    after: ["network", "pins", "monitor", "shm", "cgroup"],
    run: (engine, { directory }) => removeStateDirectory(engine, directory),
  },
];

/** All steps of a stop; a removal has the files as well. */
export const stopSteps: readonly TeardownStep[] = steps.map(({ name }) => name).filter((name) => name !== "files");
export const removeSteps: readonly TeardownStep[] = steps.map(({ name }) => name);

export interface TeardownOutcome {
  /** Steps that have succeeded, those of before included. */
  readonly released: readonly TeardownStep[];
  readonly failures: readonly StepFailure[];
}

/**
 * Does the `wanted` steps that are not `released` yet, each whatever became of those it does not need. Never throws: what
 * failed is told by the outcome, and stays to be done.
 */
export async function tearDown(
  engine: PodEngine,
  holdings: Holdings,
  wanted: readonly TeardownStep[],
  released: readonly TeardownStep[],
): Promise<TeardownOutcome> {
  const done = new Set(released);
  const failures: StepFailure[] = [];
  for (const { name, after, isLong, run } of steps) {
    if (done.has(name) || !wanted.includes(name)) continue;
    if (after.some((needed) => wanted.includes(needed) && !done.has(needed))) continue;
    try {
      if (isLong === true) await engine.turns.take();
      await run(engine, holdings);
      done.add(name);
    } catch (error) {
      failures.push({ step: name, error: error instanceof CribError ? error : internal(String(error), error) });
    }
  }
  return { released: removeSteps.filter((name) => done.has(name)), failures };
}

export function holdingsOf(sandbox: SandboxRecord): Holdings {
  const { initPid, initStartTime } = sandbox;
  return {
    ...sandbox,
    init: initPid === undefined || initStartTime === undefined ? undefined : { pid: initPid, startTime: initStartTime },
  };
}

/** What a record says of the steps that are done: older ones have no list, only whether the network was released. */
export function releasedSteps(sandbox: SandboxRecord): readonly TeardownStep[] {
  if (sandbox.released !== undefined) return sandbox.released;
  return sandbox.state === "notready" && sandbox.networkReleased ? stopSteps : [];
}

/** Whether a stop has nothing left to do. */
export function isReleased(sandbox: SandboxRecord): boolean {
  const released = releasedSteps(sandbox);
  return sandbox.state === "notready" && stopSteps.every((step) => released.includes(step));
}

/** One error for all that failed: its code is the first one's. */
export function teardownError(id: SandboxId, failures: readonly StepFailure[]): CribError {
  const [first] = failures;
  const what = failures.map(({ step, error }) => `${step}: ${error.message}`).join("; ");
  const cause = first?.error;
  return new CribError(cause?.code ?? "internal", `sandbox ${id} is not given back yet (${what}); crib tries again`, {
    cause,
  });
}
