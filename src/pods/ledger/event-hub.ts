import type { Clock } from "../../observe/clock.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import type { PodEvent } from "../port.ts";
import { Broadcast } from "./broadcast.ts";

/** Events a reader may lag behind before it is let go: the kubelet then lists again, which is always right. */
export const eventLimit = 4096;

/** Fans pod events out to live subscribers. Nobody subscribed costs nothing; a slow reader loses its stream, not our memory. */
export class EventHub {
  readonly #clock: Clock;
  readonly #events = new Broadcast<PodEvent>(eventLimit);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `containers` is asked only when someone listens. */
  publish(
    type: PodEvent["type"],
    containerId: string,
    sandbox: SandboxRecord,
    containers: () => readonly ContainerRecord[],
  ): void {
    if (this.#events.subscribers === 0) return;
    this.#events.publish({
      type,
      containerId,
      createdAtNs: this.#clock.now(),
      sandbox,
      containers: containers(),
    });
  }

  subscribe(signal: AbortSignal): AsyncIterable<PodEvent> {
    return this.#events.subscribe(signal);
  }
}
