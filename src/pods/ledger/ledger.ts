import { failedPrecondition, internal, notFound } from "../../errors/crib-error.ts";
import type { ContainerId, SandboxId } from "../../ids/object-id.ts";
import type { RecordStore } from "../../state/record-store.ts";
import type { ContainerRecord, ContainerState, SandboxRecord, SandboxState } from "../../state/records.ts";
import type { PodEvent } from "../port.ts";
import type { EventHub } from "./event-hub.ts";
import { checkContainerTransition, checkSandboxTransition } from "./transitions.ts";

/** What everybody may do with records: read them. */
export type RecordReader<Id extends string, Stored extends object> = Pick<
  RecordStore<Id, Stored>,
  "get" | "all" | "inGroup" | "withPrefix" | "size" | "isKnown"
>;

type Changed<Stored> = Partial<Omit<Stored, "id" | "state">>;

/**
 * The only writer of records of pods and containers.
 *
 * Each call reads the record again, checks that the state machine has the arrow, persists, and publishes the event, all without
 * letting go of the event loop: nobody sees a half of it, and no one's older copy of a record ever gets written. What is
 * deleted cannot be written again, what is being removed cannot run, and nothing starts in a pod that has ended.
 */
export class Ledger {
  readonly #sandboxes: RecordStore<SandboxId, SandboxRecord>;
  readonly #containers: RecordStore<ContainerId, ContainerRecord>;
  readonly #events: Pick<EventHub, "publish">;

  constructor(
    sandboxes: RecordStore<SandboxId, SandboxRecord>,
    containers: RecordStore<ContainerId, ContainerRecord>,
    events: Pick<EventHub, "publish">,
  ) {
    this.#sandboxes = sandboxes;
    this.#containers = containers;
    this.#events = events;
  }

  addSandbox(record: SandboxRecord, options: { readonly durable: boolean }): SandboxRecord {
    if (this.#sandboxes.get(record.id) !== undefined) throw internal(`sandbox ${record.id} has a record already`);
    const added = this.#sandboxes.put(record, options);
    this.#events.publish("created", record.id, added, () => []);
    this.#events.publish("started", record.id, added, () => []);
    return added;
  }

  /** @throws {CribError} not-found; failed-precondition when the state machine has no such arrow. */
  moveSandbox(id: SandboxId, to: SandboxState, changed: Changed<SandboxRecord> = {}): SandboxRecord {
    const record = this.#sandbox(id);
    checkSandboxTransition(record, to);
    const moved = this.#sandboxes.put({ ...record, ...changed, state: to }, { durable: false });
    this.#events.publish("stopped", id, moved, () => this.#containers.inGroup(id));
    return moved;
  }

  /** Changes something else than the state. @throws {CribError} not-found */
  amendSandbox(id: SandboxId, changed: Changed<SandboxRecord>): SandboxRecord {
    return this.#sandboxes.put({ ...this.#sandbox(id), ...changed }, { durable: false });
  }

  /** @throws {CribError} failed-precondition while it is ready or has containers. Absent is success. */
  dropSandbox(id: SandboxId): void {
    const record = this.#sandboxes.get(id);
    if (record === undefined) return;
    if (record.state === "ready") throw failedPrecondition(`sandbox ${id} is ready: it cannot be forgotten`);
    const left = this.#containers.inGroup(id).length;
    if (left > 0) throw failedPrecondition(`sandbox ${id} still has ${left} containers: it cannot be forgotten`);
    this.#sandboxes.delete(id);
    this.#events.publish("deleted", id, record, () => []);
  }

  /** @throws {CribError} failed-precondition when the pod has ended meanwhile. */
  addContainer(record: ContainerRecord): ContainerRecord {
    if (this.#containers.get(record.id) !== undefined) throw internal(`container ${record.id} has a record already`);
    this.#checkReady(record.sandboxId, `container ${record.id} cannot be made in it`);
    const added = this.#containers.put(record, { durable: false });
    this.#tell("created", added);
    return added;
  }

  /** @throws {CribError} not-found; failed-precondition when the state machine has no such arrow or the pod has ended. */
  checkMove(id: ContainerId, to: ContainerState): ContainerRecord {
    const record = this.#container(id);
    checkContainerTransition(record, to);
    if (to === "running") this.#checkReady(record.sandboxId, `container ${id} cannot start in it`);
    return record;
  }

  /** @throws {CribError} what `checkMove` throws. */
  moveContainer(id: ContainerId, to: ContainerState, changed: Changed<ContainerRecord> = {}): ContainerRecord {
    const record = this.checkMove(id, to);
    const moved = this.#containers.put({ ...record, ...changed, state: to }, { durable: false });
    switch (to) {
      case "running":
        this.#tell("started", moved);
        break;
      case "exited":
        this.#tell("stopped", moved);
        break;
      case "created":
      case "removing":
        break;
    }
    return moved;
  }

  /**
   * Changes something else than the state; `document` when the spec is part of it.
   * @throws {CribError} not-found; failed-precondition for one that is being removed.
   */
  amendContainer(
    id: ContainerId,
    changed: Changed<ContainerRecord>,
    options: { readonly document?: boolean } = {},
  ): ContainerRecord {
    const record = this.#container(id);
    if (record.state === "removing") throw failedPrecondition(`container ${id} is being removed`);
    return this.#containers.put({ ...record, ...changed }, { durable: false, ...options });
  }

  /** @throws {CribError} failed-precondition unless it is being removed. Absent is success. */
  dropContainer(id: ContainerId): void {
    const record = this.#containers.get(id);
    if (record === undefined) return;
    if (record.state !== "removing") throw failedPrecondition(`container ${id} is ${record.state}, not being removed`);
    this.#containers.delete(id);
    this.#tell("deleted", record);
  }

  #tell(type: PodEvent["type"], { id, sandboxId }: ContainerRecord): void {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (sandbox === undefined) return;
    this.#events.publish(type, id, sandbox, () => this.#containers.inGroup(sandboxId));
  }

  #sandbox(id: SandboxId): SandboxRecord {
    const record = this.#sandboxes.get(id);
    if (record === undefined) throw notFound("sandbox", id);
    return record;
  }

  #container(id: ContainerId): ContainerRecord {
    const record = this.#containers.get(id);
    if (record === undefined) throw notFound("container", id);
    return record;
  }

  #checkReady(id: SandboxId, consequence: string): void {
    const state = this.#sandboxes.get(id)?.state;
    if (state === "ready") return;
    throw failedPrecondition(`sandbox ${id} is ${state === undefined ? "gone" : "not ready"}: ${consequence}`);
  }
}
