import { create } from "@bufbuild/protobuf";
import type { Container, ContainerStatus, ImageSpec } from "../../gen/runtime/v1/api_pb.ts";
import {
  ContainerSchema,
  ContainerState,
  ContainerStatusSchema,
  ImageSpecSchema,
} from "../../gen/runtime/v1/api_pb.ts";
import type { ContainerRecord, ContainerState as RecordState } from "../../state/records.ts";
import { fromRequestedImage } from "../spec/requested-image.ts";
import { fromRequestedMount } from "../spec/requested-mount.ts";
import { fromSignal } from "../spec/signal.ts";
import { encodeElement } from "./encoded.ts";
import { perRecord } from "./per-record.ts";
import { toResources } from "./resources.ts";

const states: Record<RecordState, ContainerState> = {
  created: ContainerState.CONTAINER_CREATED,
  running: ContainerState.CONTAINER_RUNNING,
  exited: ContainerState.CONTAINER_EXITED,
  removing: ContainerState.CONTAINER_EXITED,
};

export function containerState(record: ContainerRecord): ContainerState {
  return states[record.state];
}

export function toContainer(record: ContainerRecord): Container {
  return create(ContainerSchema, {
    id: record.id,
    podSandboxId: record.sandboxId,
    metadata: record.config.metadata,
    image: fromRequestedImage(record.config.image),
    imageRef: record.imageId,
    imageId: record.imageId,
    state: containerState(record),
    createdAt: record.createdAtNs,
    labels: { ...record.config.labels },
    annotations: { ...record.config.annotations },
  });
}

/** For lists: encoded once for each version of a record. */
export const encodedContainer = perRecord((record: ContainerRecord) =>
  encodeElement(ContainerSchema, toContainer(record)),
);

export const toContainerStatus = perRecord((record: ContainerRecord): ContainerStatus => {
  const { user } = record.spec.process;
  return create(ContainerStatusSchema, {
    id: record.id,
    metadata: record.config.metadata,
    state: containerState(record),
    createdAt: record.createdAtNs,
    startedAt: record.startedAtNs,
    finishedAt: record.finishedAtNs,
    exitCode: record.exitCode,
    image: statusImage(record),
    imageRef: record.imageRepoDigest ?? record.imageId,
    imageId: record.imageId,
    reason: record.reason,
    message: record.message,
    labels: { ...record.config.labels },
    annotations: { ...record.config.annotations },
    mounts: record.config.mounts.map(fromRequestedMount),
    logPath: record.logPath ?? "",
    resources: { linux: toResources(record) },
    user: {
      linux: { uid: BigInt(user.uid), gid: BigInt(user.gid), supplementalGroups: user.additionalGids.map(BigInt) },
    },
    stopSignal: fromSignal(record.stopSignal),
  });
});

/** The image as the user named it: the kubelet creates by id and says the name in `user_specified_image`. */
function statusImage(record: ContainerRecord): ImageSpec {
  const { annotations, userSpecifiedImage, runtimeHandler } = record.config.image;
  return create(ImageSpecSchema, {
    image: record.imageReference,
    annotations: { ...annotations },
    userSpecifiedImage,
    runtimeHandler,
  });
}
