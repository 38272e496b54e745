import { CribError, unavailable } from "../../errors/crib-error.ts";
import type { ContainerId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { hasEnded } from "../../kernel/process/process-ref.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import { readShimRecord, type ShimRecord } from "./shim-record.ts";
import type { ShimTools } from "./shim-tools.ts";
import { TaskClient, task } from "./task-client.ts";

/** What the daemon itself asks of a pod's shim. A shim that has ended has nothing left to be asked for. */
export class ShimTasks {
  readonly #tools: ShimTools;
  readonly #directory: HostPath;

  constructor(tools: ShimTools, podDirectory: HostPath) {
    this.#tools = tools;
    this.#directory = podDirectory;
  }

  /** @throws {CribError} unavailable. */
  shim(): ShimRecord {
    const record = readShimRecord(this.#directory);
    if (record === undefined) throw unavailable("the pod has no shim");
    return record;
  }

  /** What has ended already is fine. @throws {CribError} unavailable, deadline-exceeded. */
  async kill(id: ContainerId, execId: string, signal: number): Promise<void> {
    const record = this.#living();
    if (record === undefined) return;
    using client = await TaskClient.connect(record, this.#tools.clock);
    try {
      await client.call(task.kill, { id, execId, signal, all: false });
    } catch (error) {
      if (CribError.is(error, "not-found") || CribError.is(error, "failed-precondition")) return;
      throw error;
    }
  }

  /** The process that stands for a container has it deleted when it ends; one that was killed has not. */
  async delete(id: ContainerId): Promise<void> {
    const record = this.#living();
    if (record === undefined) return;
    try {
      using client = await TaskClient.connect(record, this.#tools.clock);
      await client.call(task.kill, { id, signal: SIGKILL, all: true });
      await client.call(task.delete, { id });
    } catch (error) {
      if (CribError.is(error, "not-found")) return;
      this.#tools.log.info({ container: id, error: String(error) }, "its shim has not forgotten it yet");
    }
  }

  #living(): ShimRecord | undefined {
    const record = readShimRecord(this.#directory);
    return record === undefined || hasEnded(this.#tools.kernel, record.process) ? undefined : record;
  }
}
