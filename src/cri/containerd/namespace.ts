import type { HandlerContext } from "@connectrpc/connect";
import { CribError, failedPrecondition } from "../../errors/crib-error.ts";

/** containerd keeps the kubelet's containers apart from others' by a header; crib has no others. */
export const kubernetesNamespace = "k8s.io";
const header = "containerd-namespace";

/** @throws {CribError} failed-precondition without a namespace, not-found in one that has nothing in it. */
export function requireNamespace(context: Pick<HandlerContext, "requestHeader">): void {
  const namespace = context.requestHeader.get(header) ?? "";
  if (namespace === "")
    throw failedPrecondition(`namespace is required: send the header ${header}: ${kubernetesNamespace}`);
  if (namespace !== kubernetesNamespace) {
    throw new CribError(
      "not-found",
      `namespace ${JSON.stringify(namespace.slice(0, 80))} is empty: all containers are in ${kubernetesNamespace}`,
    );
  }
}

/** For lists, which are empty in another namespace. @throws {CribError} failed-precondition without one. */
export function isKubernetesNamespace(context: Pick<HandlerContext, "requestHeader">): boolean {
  const namespace = context.requestHeader.get(header) ?? "";
  if (namespace === "") requireNamespace(context);
  return namespace === kubernetesNamespace;
}
