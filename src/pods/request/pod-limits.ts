import type { PodResources } from "../../oci/resources/pod-resources.ts";
import { specResources } from "../../oci/resources/spec-resources.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";

/** What RunPodSandbox says of the pod as a whole. */
export function configuredResources({ linux }: PodSpec): PodResources {
  return { resources: specResources(linux?.resources, []), overhead: specResources(linux?.overhead, []) };
}
