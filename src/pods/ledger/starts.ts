import { failedPrecondition } from "../../errors/crib-error.ts";
import type { ContainerId, SandboxId } from "../../ids/object-id.ts";

/** One start under way; disposed of when it is over, however it ended. */
export interface Start extends Disposable {
  /** Aborts with what the start is then to fail with. */
  readonly signal: AbortSignal;
  abort(reason: Error): void;
}

interface Entry {
  readonly sandboxId: SandboxId;
  readonly controller: AbortController;
  readonly over: Promise<void>;
}

/**
 * Starts under way, so that a stop or a removal can end them instead of waiting for them: a launch hangs as long as the file
 * system of one of its volumes does.
 */
export class Starts {
  readonly #entries = new Map<ContainerId, Entry>();
  /** Pods that are being stopped; counted, as stops may overlap. */
  readonly #closed = new Map<SandboxId, number>();

  /** @throws {CribError} failed-precondition while the pod is being stopped. */
  begin(sandboxId: SandboxId, id: ContainerId): Start {
    if (this.#closed.has(sandboxId)) {
      throw failedPrecondition(`sandbox ${sandboxId} is being stopped: container ${id} cannot start in it`);
    }
    const controller = new AbortController();
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const entry: Entry = { sandboxId, controller, over };
    this.#entries.set(id, entry);
    return {
      signal: controller.signal,
      abort: (reason) => controller.abort(reason),
      [Symbol.dispose]: () => {
        if (this.#entries.get(id) === entry) this.#entries.delete(id);
        resolve();
      },
    };
  }

  has(id: ContainerId): boolean {
    return this.#entries.has(id);
  }

  /** No start begins in this pod until the returned is disposed of. */
  close(sandboxId: SandboxId): Disposable {
    this.#closed.set(sandboxId, (this.#closed.get(sandboxId) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const left = (this.#closed.get(sandboxId) ?? 1) - 1;
        if (left === 0) this.#closed.delete(sandboxId);
        else this.#closed.set(sandboxId, left);
      },
    };
  }

  /** Ends the start of this container, if there is one; resolves when it is over. */
  async end(id: ContainerId, why: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.controller.abort(failedPrecondition(`the start of container ${id} was ended: ${why}`));
    await entry.over;
  }

  /** Ends all starts of this pod; resolves when they are over. */
  async endAll(sandboxId: SandboxId, why: string): Promise<void> {
    const ids = [...this.#entries].filter(([, entry]) => entry.sandboxId === sandboxId).map(([id]) => id);
    await Promise.all(ids.map((id) => this.end(id, why)));
  }
}
