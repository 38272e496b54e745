import type { ContainerSpec } from "../spec/container-spec.ts";
import type { PodSpec } from "../spec/pod-spec.ts";

/** Reads what records of version 1 hold of a request: the message of the CRI that it came in, which only `cri/` knows. */
export interface OlderSpecs {
  readPod(message: Uint8Array): PodSpec;
  readContainer(message: Uint8Array): ContainerSpec;
}
