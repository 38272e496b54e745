import { describe, expect } from "bun:test";
import { ContainerEventType, type ContainerState, PodSandboxState } from "../../src/gen/runtime/v1/api_pb.ts";
import { codeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();
const withEvents = onlyCrib("GetContainerEvents came with 1.7");

interface SeenEvent {
  readonly id: string;
  readonly type: ContainerEventType;
  readonly createdAt: bigint;
  readonly sandbox: PodSandboxState | undefined;
  readonly containers: readonly ContainerState[];
}

/** Subscribes and collects until `close`. Resolves when the subscription is live. */
async function subscribe(): Promise<{ readonly seen: readonly SeenEvent[]; close(): Promise<string> }> {
  const abort = new AbortController();
  const seen: SeenEvent[] = [];
  const { promise: live, resolve: isLive } = Promise.withResolvers<void>();
  const stream = bed.cri.runtime.getContainerEvents(
    {},
    { signal: abort.signal, timeoutMs: 0, onHeader: () => isLive() },
  );
  const reading = codeOf(
    (async () => {
      for await (const event of stream) {
        seen.push({
          id: event.containerId,
          type: event.containerEventType,
          createdAt: event.createdAt,
          sandbox: event.podSandboxStatus?.state,
          containers: event.containersStatuses.map((status) => status.state),
        });
      }
    })(),
  );
  // A server may hold its headers back until the first event; subscribing is then over within a moment.
  await Promise.race([live, Bun.sleep(300)]);
  return {
    seen,
    async close() {
      abort.abort();
      return reading;
    },
  };
}

describe("container events", () => {
  withEvents("tell the life of a container and its pod, in order, with states", async () => {
    const events = await subscribe();
    const pod = await bed.runPod();
    const container = await bed.run(pod, { command: ["sh", "-c", "exit 3"] });
    await container.waitExit();
    await container.remove();
    await pod.remove();
    const of = (id: string) => events.seen.filter((event) => event.id === id).map((event) => event.type);
    await waitUntil(() => of(pod.id).includes(ContainerEventType.CONTAINER_DELETED_EVENT), {
      what: "the pod's last event",
    });
    expect(of(container.id)).toEqual([
      ContainerEventType.CONTAINER_CREATED_EVENT,
      ContainerEventType.CONTAINER_STARTED_EVENT,
      ContainerEventType.CONTAINER_STOPPED_EVENT,
      ContainerEventType.CONTAINER_DELETED_EVENT,
    ]);
    expect(of(pod.id)[0]).toBe(ContainerEventType.CONTAINER_CREATED_EVENT);
    const started = events.seen.find(
      (event) => event.id === container.id && event.type === ContainerEventType.CONTAINER_STARTED_EVENT,
    );
    expect(started?.sandbox).toBe(PodSandboxState.SANDBOX_READY);
    const times = events.seen.map((event) => event.createdAt);
    expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : 1)));
    await events.close();
  });

  withEvents("reach every subscriber, and one that leaves disturbs nobody", async () => {
    const first = await subscribe();
    const second = await subscribe();
    const a = await bed.runPod();
    await waitUntil(
      () => first.seen.some((event) => event.id === a.id) && second.seen.some((event) => event.id === a.id),
      {
        what: "both see the pod",
      },
    );
    expect(await first.close()).toBe("Canceled");
    const b = await bed.runPod();
    await waitUntil(() => second.seen.some((event) => event.id === b.id), { what: "the other still sees pods" });
    expect(first.seen.some((event) => event.id === b.id)).toBe(false);
    await second.close();
  });
});
