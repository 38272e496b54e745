import type { DescMessage, DescMethodUnary } from "@bufbuild/protobuf";
import { Event, Plugin } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import type { ContainerEvent, PodEvent } from "../port.ts";

/** A request of NRI: its method, and the event by which a plugin subscribes to it and an older one is told of it. */
export interface PluginRequest<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage> {
  readonly event: Event;
  readonly method: DescMethodUnary<I, O>;
  /** Plugins of before 0.12 know it as a StateChange. */
  readonly olderAsStateChange: boolean;
}

const { method } = Plugin;

/** Told to plugins before the fact or after it: they may refuse, and change nothing. All take the pod, most the container. */
export type Telling = PluginRequest;

function telling<I extends DescMessage, O extends DescMessage>(event: Event, told: DescMethodUnary<I, O>): Telling {
  // Their inputs have the same two fields under names of their own, which the callers below fill alike.
  return { event, method: told as DescMethodUnary, olderAsStateChange: true };
}

export const podRequests: Readonly<Record<PodEvent, Telling>> = {
  run: telling(Event.RUN_POD_SANDBOX, method.runPodSandbox),
  stop: telling(Event.STOP_POD_SANDBOX, method.stopPodSandbox),
  remove: telling(Event.REMOVE_POD_SANDBOX, method.removePodSandbox),
  "post-update": telling(Event.POST_UPDATE_POD_SANDBOX, method.postUpdatePodSandbox),
};

export const containerRequests: Readonly<Record<ContainerEvent, Telling>> = {
  "post-create": telling(Event.POST_CREATE_CONTAINER, method.postCreateContainer),
  start: telling(Event.START_CONTAINER, method.startContainer),
  "post-start": telling(Event.POST_START_CONTAINER, method.postStartContainer),
  "post-update": telling(Event.POST_UPDATE_CONTAINER, method.postUpdateContainer),
  remove: telling(Event.REMOVE_CONTAINER, method.removeContainer),
};

/** Answered with changes. */
export const changingRequests = {
  updatePod: { event: Event.UPDATE_POD_SANDBOX, method: method.updatePodSandbox, olderAsStateChange: false },
  createContainer: { event: Event.CREATE_CONTAINER, method: method.createContainer, olderAsStateChange: false },
  updateContainer: { event: Event.UPDATE_CONTAINER, method: method.updateContainer, olderAsStateChange: false },
  stopContainer: { event: Event.STOP_CONTAINER, method: method.stopContainer, olderAsStateChange: false },
  validate: {
    event: Event.VALIDATE_CONTAINER_ADJUSTMENT,
    method: method.validateContainerAdjustment,
    olderAsStateChange: false,
  },
} as const;

/** Bit n-1 of a subscription is event n. */
export const allEvents = (1 << (Event.LAST - 1)) - 1;
/** What a plugin gets that names no events. Validation is not among them: one that cannot answer it would refuse every container. */
export const usualEvents = allEvents & ~(1 << (Event.VALIDATE_CONTAINER_ADJUSTMENT - 1));

export function subscribes(mask: number, event: Event): boolean {
  return (mask & (1 << (event - 1))) !== 0;
}
