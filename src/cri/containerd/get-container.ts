import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { Container, Containers } from "../../gen/containerd/services/containers/v1/containers_pb.ts";
import { Container_RuntimeSchema, ContainerSchema } from "../../gen/containerd/services/containers/v1/containers_pb.ts";
import { specJson } from "../../oci/spec-json.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import type { CriDeps } from "../deps.ts";
import { findById } from "./find-by-id.ts";
import { requireNamespace } from "./namespace.ts";
import { sandboxSpec } from "./sandbox-spec.ts";

type Deps = Pick<CriDeps, "pods" | "images">;

/** What a container is made of, for cAdvisor, which finds ids among the names of cgroups and asks about each. */
export function getContainer(deps: Deps): ServiceImpl<typeof Containers>["get"] {
  return ({ id }, context) => {
    requireNamespace(context);
    const found = findById(deps.pods, id);
    return {
      container: found.kind === "container" ? describeContainer(deps, found.record) : describeSandbox(found.record),
    };
  };
}

/** How containerd marks a spec (typeurl): readers look at the JSON, few at the name. */
const specType = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
const kindLabel = "io.cri-containerd.kind";
/** A pod has no image of its own here. Dashboards leave out what has none, so it has a name. */
const sandboxImage = "crib.local/pod";

export function describeContainer({ images }: Pick<Deps, "images">, record: ContainerRecord): Container {
  const image = images.find(record.imageId);
  return describe({
    id: record.id,
    labels: { ...unreserved(image?.config.labels ?? {}), ...record.config.labels, [kindLabel]: "container" },
    image: image?.repoTags[0] ?? image?.repoDigests[0] ?? record.imageReference,
    spec: record.spec,
    createdAtNs: record.createdAtNs,
    sandbox: record.sandboxId,
  });
}

export function describeSandbox(record: SandboxRecord): Container {
  return describe({
    id: record.id,
    labels: { ...record.config.labels, [kindLabel]: "sandbox" },
    image: sandboxImage,
    spec: sandboxSpec(record),
    createdAtNs: record.createdAtNs,
    sandbox: record.id,
  });
}

function describe(what: {
  readonly id: string;
  readonly labels: Record<string, string>;
  readonly image: string;
  readonly spec: object;
  readonly createdAtNs: bigint;
  readonly sandbox: string;
}): Container {
  const created = timestampFromMs(Number(what.createdAtNs / 1_000_000n));
  return create(ContainerSchema, {
    id: what.id,
    labels: what.labels,
    image: what.image,
    runtime: create(Container_RuntimeSchema, { name: "crib" }),
    spec: { typeUrl: specType, value: Buffer.from(specJson(what.spec)) },
    snapshotter: "crib",
    snapshotKey: what.id,
    createdAt: created,
    updatedAt: created,
    sandbox: what.sandbox,
  });
}

/** An image says nothing in the engine's own name, nor in Kubernetes': the kubelet's word is the request's. */
function unreserved(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).filter(([key]) => !/^(?:containerd\.io\/|io\.cri-containerd|io\.kubernetes\.)/.test(key)),
  );
}
