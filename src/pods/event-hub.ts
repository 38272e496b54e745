import type { ContainerEventType } from "../gen/runtime/v1/api_pb.ts";
import type { Clock } from "../observe/clock.ts";
import type { ContainerRecord, SandboxRecord } from "../state/records.ts";
import type { PodEvent } from "./port.ts";

/** Events a reader may lag behind before it is let go: the kubelet then re-lists, which is always right. */
const queueLimit = 4096;

/** Fans pod events out to live subscribers. Nobody subscribed costs nothing; a slow reader loses its stream, not our memory. */
export class EventHub {
  readonly #clock: Clock;
  readonly #subscribers = new Set<Subscriber>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `containers` is asked only when someone listens. */
  publish(
    type: ContainerEventType,
    containerId: string,
    sandbox: SandboxRecord,
    containers: () => readonly ContainerRecord[],
  ): void {
    if (this.#subscribers.size === 0) return;
    const event: PodEvent = { type, containerId, createdAtNs: this.#clock.now(), sandbox, containers: containers() };
    for (const subscriber of this.#subscribers) subscriber.push(event);
  }

  async *subscribe(signal: AbortSignal): AsyncIterable<PodEvent> {
    const subscriber = new Subscriber();
    const end = () => subscriber.end();
    signal.addEventListener("abort", end, { once: true });
    this.#subscribers.add(subscriber);
    try {
      if (signal.aborted) return;
      yield* subscriber.drain();
    } finally {
      this.#subscribers.delete(subscriber);
      signal.removeEventListener("abort", end);
    }
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }
}

class Subscriber {
  #queue: PodEvent[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  push(event: PodEvent): void {
    if (this.#queue.length >= queueLimit) this.#ended = true;
    else if (!this.#ended) this.#queue.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *drain(): AsyncIterable<PodEvent> {
    for (;;) {
      const batch = this.#queue;
      this.#queue = [];
      yield* batch;
      if (this.#queue.length > 0) continue;
      if (this.#ended) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
      this.#wake = undefined;
    }
  }
}
