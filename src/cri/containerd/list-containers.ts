import type { ServiceImpl } from "@connectrpc/connect";
import type { Container, Containers } from "../../gen/containerd/services/containers/v1/containers_pb.ts";
import type { CriDeps } from "../deps.ts";
import { type FieldOf, parseFilters } from "./filter.ts";
import { describeContainer, describeSandbox } from "./get-container.ts";
import { isKubernetesNamespace } from "./namespace.ts";

/** `ctr containers ls`: containers, and pods' sandboxes, which containerd has as containers too. */
export function listContainers(deps: Pick<CriDeps, "pods" | "images">): ServiceImpl<typeof Containers>["list"] {
  return ({ filters }, context) => {
    const matches = parseFilters(filters, fieldOf);
    if (!isKubernetesNamespace(context)) return { containers: [] };
    const sandboxes = deps.pods.sandboxes().map(describeSandbox);
    const containers = deps.pods.containers().map((record) => describeContainer(deps, record));
    return { containers: [...sandboxes, ...containers].filter(matches).toSorted((a, b) => (a.id < b.id ? -1 : 1)) };
  };
}

const fieldOf: FieldOf<Container> = ({ id, labels, image, runtime }, path) => {
  const [first = "", ...rest] = path;
  if (first === "id") return id;
  if (first === "labels") return labels[rest.join(".")];
  if (first === "image") return image;
  if (first === "runtime" && rest[0] === "name") return runtime?.name;
  return undefined;
};
