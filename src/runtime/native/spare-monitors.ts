import { rmSync, writeFileSync } from "node:fs";
import type { SandboxId } from "../../ids/object-id.ts";
import { newSandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import { makeSandboxDirectory, sandboxDirectory } from "../sandbox-directory.ts";
import type { Monitor, MonitorLauncher } from "./monitor/port.ts";
import { unshareFlags } from "./unshare-flags.ts";

/** A pod that is not one yet: its id, directory, monitor and namespaces. */
export interface SpareMonitor {
  readonly id: SandboxId;
  readonly directory: HostPath;
  readonly monitor: Monitor;
  /** Ends the monitor, whose only connection is ours, and removes the directory. A pod does that in its own way. */
  readonly undo: DisposableStack;
}

interface Adapters {
  readonly state: HostPath;
  readonly launcher: Pick<MonitorLauncher, "launch">;
  readonly clock: Clock;
  readonly log: Log;
}

/** A pod's start is followed by its containers'; they must not wait for the next pod's monitor. */
const quietMs = 200;
const ordinaryPod = unshareFlags({ hostNetwork: false, hostUts: false, hostIpc: false });

/**
 * Monitors made ahead, one for each kind of pod (by its namespaces) that this daemon has run: a monitor's start and its
 * network namespace are a third of what a pod's start takes (docs/decisions/0040).
 *
 *     none ── prepare, quietMs of quiet ──▶ starting ──▶ waiting ── take ──▶ a pod's
 *                                                          └── daemon or monitor gone ──▶ none
 *
 * A spare ends with its connection, so it never outlives its daemon; of one that was killed the directory is left, which the
 * next start sweeps as it does all that no record names.
 */
export class SpareMonitors implements Disposable {
  readonly #adapters: Adapters;
  readonly #waiting = new Map<number, SpareMonitor>();
  readonly #kinds = new Set<number>([ordinaryPod]);
  readonly #closed = new AbortController();
  #takes = 0;
  #preparing = false;

  constructor(adapters: Adapters) {
    this.#adapters = adapters;
  }

  /** The spare with these namespaces, if there is one. It stays until it is taken. */
  waiting(unshare: number): SpareMonitor | undefined {
    return this.#waiting.get(unshare);
  }

  /** The spare, if it was one, is a pod's from now on; the next of its kind is made when the node is quiet again. */
  take(unshare: number, spare: SpareMonitor | undefined): void {
    this.#kinds.add(unshare);
    this.#takes += 1;
    if (spare !== undefined) {
      this.#waiting.delete(unshare);
      rmSync(mark(spare.directory));
    }
    this.prepare();
  }

  /** Makes the missing ones as soon as no pod has started for a moment. */
  prepare(): void {
    if (this.#preparing) return;
    this.#preparing = true;
    this.#prepareWhenQuiet()
      .catch((error: unknown) => this.#adapters.log.warn({ err: error }, "no monitor is made ahead of its pod"))
      .finally(() => {
        this.#preparing = false;
      });
  }

  async #prepareWhenQuiet(): Promise<void> {
    let seen: number;
    do {
      seen = this.#takes;
      if (!(await this.#adapters.clock.sleep(quietMs, this.#closed.signal))) return;
    } while (this.#takes !== seen);
    for (const kind of this.#kinds) if (!this.#waiting.has(kind)) await this.#make(kind);
  }

  async #make(unshare: number): Promise<void> {
    const { state, launcher } = this.#adapters;
    const id = newSandboxId();
    const directory = sandboxDirectory(state, id);
    using undo = new DisposableStack();
    undo.defer(() => rmSync(directory, { recursive: true, force: true }));
    makeSandboxDirectory(directory);
    // A person who looks at the directory finds no pod of this name: this says why.
    writeFileSync(mark(directory), "");
    const monitor = undo.adopt(await launcher.launch(id, directory), (launched) => launched.disconnect());
    if (unshare !== 0) await monitor.unshare(unshare);
    if (this.#closed.signal.aborted) return;
    const spare = { id, directory, monitor, undo: undo.move() };
    this.#waiting.set(unshare, spare);
    void monitor.lost.then(() => {
      if (this.#waiting.get(unshare) !== spare) return;
      this.#waiting.delete(unshare);
      spare.undo.dispose();
    });
  }

  /** Ends all that wait. */
  [Symbol.dispose](): void {
    this.#closed.abort();
    for (const { undo } of this.#waiting.values()) undo.dispose();
    this.#waiting.clear();
  }
}

function mark(directory: HostPath): HostPath {
  return joinHostPath(directory, "spare");
}
