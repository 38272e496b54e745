import type { PodSandboxConfig } from "../../gen/runtime/v1/api_pb.ts";
import type { PodResources } from "../../oci/pod-resources.ts";
import { specResources } from "../../oci/spec-resources.ts";

/** What RunPodSandbox says of the pod as a whole. */
export function configuredResources({ linux }: PodSandboxConfig): PodResources {
  return { resources: specResources(linux?.resources, []), overhead: specResources(linux?.overhead, []) };
}
