import { invalidArgument } from "../../errors/crib-error.ts";
import type { PodNetworkRequest } from "../port.ts";

/**
 * CNI_ARGS as every Kubernetes runtime sets them.
 *
 * @throws {CribError} invalid-argument for a value with `;` or `=`: it would add or replace other arguments.
 */
export function cniArgs(request: PodNetworkRequest): string {
  const values = {
    K8S_POD_NAMESPACE: request.namespace,
    K8S_POD_NAME: request.name,
    K8S_POD_INFRA_CONTAINER_ID: request.sandboxId,
    K8S_POD_UID: request.uid,
  };
  const pairs = Object.entries(values).map(([key, value]) => {
    if (/[;=\0]/.test(value))
      throw invalidArgument(`${key} ${JSON.stringify(value.slice(0, 200))} must not contain ";" or "="`);
    return `${key}=${value}`;
  });
  return ["IgnoreUnknown=1", ...pairs].join(";");
}
