import { setImmediate } from "node:timers/promises";
import { driverPaths } from "../../cgroups/driver-paths.ts";
import type { Cgroups } from "../../cgroups/port.ts";
import type { Config } from "../../config/config.ts";
import { isSeenByCadvisor } from "../../config/containerd-api.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import type { CgroupPath } from "../../ids/path.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { SandboxRecord } from "../../state/records.ts";
import type { KeyedLocks } from "../ledger/keyed-locks.ts";
import type { RecordReader } from "../ledger/ledger.ts";
import { removeCgroup } from "./remove-cgroup.ts";

interface SandboxGroupsHost {
  readonly config: Pick<Config, "cgroup" | "containerdApi" | "listen">;
  readonly cgroups: Cgroups;
  readonly clock: Clock;
  readonly log: Log;
  readonly locks: KeyedLocks;
  readonly sandboxes: RecordReader<SandboxId, SandboxRecord>;
}

/** A pod's start is followed by its containers', which must not wait for this. */
const restMs = 200;
/** A pod that is being stopped needs none. */
const lockMs = 1_000;

/**
 * A group in the pod's, named by the pod's id, for cAdvisor: it knows a pod by a group of such a name, as the pause container
 * of other engines has one, and a pod's network by that pod. It is empty; why no process lives there, and why it is made after
 * the answer and the record, is docs/decisions/0120.
 */
export class SandboxGroups implements Disposable {
  readonly #engine: SandboxGroupsHost;
  readonly #wanted: boolean;
  readonly #waiting = new Set<SandboxId>();
  readonly #closed = new AbortController();
  #working = false;

  constructor(engine: SandboxGroupsHost) {
    this.#engine = engine;
    this.#wanted = isSeenByCadvisor(engine.config);
  }

  /** Makes the pod's group soon, if anybody looks for such groups. The pod's record is written. */
  want({ id }: Pick<SandboxRecord, "id">): void {
    if (!this.#wanted) return;
    this.#waiting.add(id);
    if (this.#working) return;
    this.#working = true;
    this.#work()
      .catch((error: unknown) => this.#engine.log.warn({ err: error }, "pods are not shown to cAdvisor"))
      .finally(() => {
        this.#working = false;
      });
  }

  /** Takes the group away, also one that was made when others were looking. */
  async remove(sandbox: Pick<SandboxRecord, "id" | "cgroup">): Promise<void> {
    this.#waiting.delete(sandbox.id);
    const path = ownGroup(this.#engine, sandbox);
    if (path !== undefined && this.#engine.cgroups.exists(path)) await removeCgroup(this.#engine, path);
  }

  [Symbol.dispose](): void {
    this.#closed.abort();
    this.#waiting.clear();
  }

  async #work(): Promise<void> {
    while (this.#waiting.size > 0 && (await this.#engine.clock.sleep(restMs, this.#closed.signal))) {
      for (const id of [...this.#waiting]) {
        await setImmediate();
        await this.#make(id);
      }
    }
  }

  async #make(id: SandboxId): Promise<void> {
    const { cgroups, locks, sandboxes, log } = this.#engine;
    using _held = await locks.acquire(id, { doing: "is given a group for cAdvisor", withinMs: lockMs });
    if (!this.#waiting.delete(id)) return;
    const sandbox = sandboxes.get(id);
    if (sandbox?.state !== "ready") return;
    const path = ownGroup(this.#engine, sandbox);
    if (path === undefined) return;
    try {
      cgroups.create(path, {});
    } catch (error) {
      log.warn({ sandbox: id, err: error }, "this pod is not shown to cAdvisor");
    }
  }
}

/** undefined: the pod's group has the pod's id for a name already. */
function ownGroup(
  { config }: Pick<SandboxGroupsHost, "config">,
  { id, cgroup }: Pick<SandboxRecord, "id" | "cgroup">,
): CgroupPath | undefined {
  return cgroup.endsWith(`/${id}`) ? undefined : driverPaths[config.cgroup.driver].container(cgroup, id);
}
