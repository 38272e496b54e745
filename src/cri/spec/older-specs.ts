import { fromBinary } from "@bufbuild/protobuf";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { OlderSpecs } from "../../state/older-specs.ts";
import { toContainerSpec } from "./container-spec.ts";
import { toPodSpec } from "./pod-spec.ts";

/** Reads the requests that records of version 1 hold as the messages they came in. */
export const olderSpecs: OlderSpecs = {
  readPod: (bytes) => toPodSpec(fromBinary(PodSandboxConfigSchema, bytes)),
  readContainer: (bytes) => toContainerSpec(fromBinary(ContainerConfigSchema, bytes)),
};
