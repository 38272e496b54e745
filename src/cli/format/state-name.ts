import { ContainerState, PodSandboxState } from "../../gen/runtime/v1/api_pb.ts";

/** How states are shown and typed: short, lower case. */
export const containerStateNames = {
  [ContainerState.CONTAINER_CREATED]: "created",
  [ContainerState.CONTAINER_RUNNING]: "running",
  [ContainerState.CONTAINER_EXITED]: "exited",
  [ContainerState.CONTAINER_UNKNOWN]: "unknown",
} as const satisfies Record<ContainerState, string>;

export const podStateNames = {
  [PodSandboxState.SANDBOX_READY]: "ready",
  [PodSandboxState.SANDBOX_NOTREADY]: "notready",
} as const satisfies Record<PodSandboxState, string>;
