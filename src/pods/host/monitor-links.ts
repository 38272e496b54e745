import { failedPrecondition, unavailable } from "../../errors/crib-error.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import type { Clock } from "../../observe/clock.ts";
import type { SandboxHandle } from "../../runtime/port.ts";

/** How long a request waits for a monitor that is being looked for. */
const reachMs = 2_000;

interface Unknown {
  reason: string;
  readonly seeking: AbortController;
  readonly back: PromiseWithResolvers<void>;
}

/**
 * The daemon's connection to each pod's monitor: there, or unknown and looked for (`lifecycle/seek-monitor.ts`). A monitor
 * that does not answer is no dead one, so nothing of its pod is ended for it.
 */
export class MonitorLinks {
  readonly #clock: Pick<Clock, "sleep">;
  readonly #connected = new Map<SandboxId, SandboxHandle>();
  readonly #unknown = new Map<SandboxId, Unknown>();

  constructor(clock: Pick<Clock, "sleep">) {
    this.#clock = clock;
  }

  /** The monitor, if it is connected. */
  get(id: SandboxId): SandboxHandle | undefined {
    return this.#connected.get(id);
  }

  connected(monitor: SandboxHandle): void {
    this.#connected.set(monitor.sandboxId, monitor);
    this.#unknown.get(monitor.sandboxId)?.back.resolve();
    this.#unknown.delete(monitor.sandboxId);
  }

  /** From now on it is looked for, until the signal aborts; undefined when that is so already. */
  seek(id: SandboxId, reason: string): AbortSignal | undefined {
    this.#connected.delete(id);
    const known = this.#unknown.get(id);
    if (known !== undefined) return undefined;
    const seeking = new AbortController();
    this.#unknown.set(id, { reason, seeking, back: Promise.withResolvers() });
    return seeking.signal;
  }

  /** Why the monitor is unknown; undefined when it is connected or the pod has none. */
  trouble(id: SandboxId): string | undefined {
    return this.#unknown.get(id)?.reason;
  }

  setTrouble(id: SandboxId, reason: string): void {
    const unknown = this.#unknown.get(id);
    if (unknown !== undefined) unknown.reason = reason;
  }

  /** The pod has no monitor any more, or it is ended without asking it: nobody looks for it. */
  forget(id: SandboxId): void {
    this.#connected.delete(id);
    const unknown = this.#unknown.get(id);
    this.#unknown.delete(id);
    unknown?.seeking.abort();
    unknown?.back.resolve();
  }

  /**
   * The connected monitor; one that is looked for is waited for a moment.
   * @throws {CribError} unavailable when it does not answer, failed-precondition when the pod has none.
   */
  async reach(id: SandboxId): Promise<SandboxHandle> {
    const there = this.#connected.get(id);
    if (there !== undefined) return there;
    const unknown = this.#unknown.get(id);
    if (unknown === undefined) throw failedPrecondition(`sandbox ${id} is not ready: it has no monitor`);
    const came = new AbortController();
    await Promise.race([unknown.back.promise, this.#clock.sleep(reachMs, came.signal)]);
    came.abort();
    const back = this.#connected.get(id);
    if (back !== undefined) return back;
    throw unavailable(`monitor of sandbox ${id} does not answer (${unknown.reason}); crib goes on asking it`);
  }

  /** Lets go of all; the monitors live on. */
  disconnectAll(): void {
    for (const id of [...this.#unknown.keys()]) this.forget(id);
    for (const monitor of this.#connected.values()) monitor.disconnect();
    this.#connected.clear();
  }
}
