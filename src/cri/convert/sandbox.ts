import { create } from "@bufbuild/protobuf";
import type { PodSandbox, PodSandboxStatus } from "../../gen/runtime/v1/api_pb.ts";
import { PodSandboxSchema, PodSandboxState, PodSandboxStatusSchema } from "../../gen/runtime/v1/api_pb.ts";
import { podNamespaces } from "../../spec/namespace-options.ts";
import type { SandboxRecord } from "../../state/records.ts";
import { fromNamespaceOptions } from "../spec/namespace-options.ts";
import { encodeElement } from "./encoded.ts";
import { perRecord } from "./per-record.ts";

export function sandboxState(record: SandboxRecord): PodSandboxState {
  return record.state === "ready" ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY;
}

function toPodSandbox(record: SandboxRecord): PodSandbox {
  return create(PodSandboxSchema, {
    id: record.id,
    metadata: record.config.metadata,
    state: sandboxState(record),
    createdAt: record.createdAtNs,
    labels: { ...record.config.labels },
    annotations: { ...record.config.annotations },
    runtimeHandler: record.runtimeHandler,
  });
}

/** For lists: encoded once for each version of a record. */
export const encodedPodSandbox = perRecord((record: SandboxRecord) =>
  encodeElement(PodSandboxSchema, toPodSandbox(record)),
);

export const toPodSandboxStatus = perRecord((record: SandboxRecord): PodSandboxStatus => {
  const state = sandboxState(record);
  const options = record.config.linux?.securityContext?.namespaceOptions ?? podNamespaces;
  // A stopped pod has given its addresses back: they may be another's by now.
  const [ip = "", ...additional] = state === PodSandboxState.SANDBOX_READY ? (record.network?.ips ?? []) : [];
  return create(PodSandboxStatusSchema, {
    id: record.id,
    metadata: record.config.metadata,
    state,
    createdAt: record.createdAtNs,
    // Host network has no address of its own: the kubelet fills in the node's.
    network: { ip, additionalIps: additional.map((address) => ({ ip: address })) },
    linux: { namespaces: { options: fromNamespaceOptions(options) } },
    labels: { ...record.config.labels },
    annotations: { ...record.config.annotations },
    runtimeHandler: record.runtimeHandler,
  });
});
