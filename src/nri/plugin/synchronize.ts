import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import { deadlineExceeded, failedPrecondition } from "../../errors/crib-error.ts";
import type { ContainerUpdate } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import {
  ContainerSchema,
  Event,
  Plugin as PluginService,
  PodSandboxSchema,
} from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import { maxMessageBytes } from "../../ttrpc/frame.ts";
import type { RegisteredPlugin } from "./registered-plugin.ts";

/** Room for the envelope, and for plugins that count otherwise. */
const partBytes = maxMessageBytes / 2;

interface Part {
  readonly pods: MessageInitShape<typeof PodSandboxSchema>[];
  readonly containers: MessageInitShape<typeof ContainerSchema>[];
}

/**
 * Tells a new plugin of all pods and containers, in several messages where one would be too long; returns the changes it wants.
 * It may take as long as for its registration, which this is a part of: what it does with a whole node takes longer than an event.
 *
 * @throws {CribError} what it answered, or failed-precondition for a plugin that cannot take several messages.
 */
export async function synchronize(
  plugin: RegisteredPlugin,
  pods: readonly MessageInitShape<typeof PodSandboxSchema>[],
  containers: readonly MessageInitShape<typeof ContainerSchema>[],
): Promise<readonly ContainerUpdate[]> {
  const parts = split(pods, containers);
  for (const [index, part] of parts.entries()) {
    const more = index < parts.length - 1;
    const reply = await plugin.ask(request, { ...part, more }, {}, plugin.limits.registrationMs);
    if (reply === undefined) {
      throw deadlineExceeded(
        `plugin ${plugin.name} did not take the node's pods in ${plugin.limits.registrationMs} ms`,
      );
    }
    if (!more) return reply.update;
    if (reply.update.length > 0 || !reply.more) {
      throw failedPrecondition(`plugin ${plugin.name} does not take the node's pods in several messages`);
    }
  }
  return [];
}

/** It is not an event that can be subscribed to. */
const request = { event: Event.UNKNOWN, method: PluginService.method.synchronize, olderAsStateChange: false } as const;

function split(
  pods: readonly MessageInitShape<typeof PodSandboxSchema>[],
  containers: readonly MessageInitShape<typeof ContainerSchema>[],
): readonly Part[] {
  const parts: Part[] = [{ pods: [], containers: [] }];
  let bytes = 0;
  const partFor = (size: number): Part => {
    bytes += size;
    if (bytes > partBytes && bytes > size) {
      parts.push({ pods: [], containers: [] });
      bytes = size;
    }
    return parts.at(-1) ?? { pods: [], containers: [] };
  };
  for (const pod of pods) partFor(toBinary(PodSandboxSchema, create(PodSandboxSchema, pod)).length).pods.push(pod);
  for (const container of containers) {
    partFor(toBinary(ContainerSchema, create(ContainerSchema, container)).length).containers.push(container);
  }
  return parts;
}
