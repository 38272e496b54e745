import type { SandboxId } from "../../ids/object-id.ts";
import { joinHostPath } from "../../ids/path.ts";
import type { PodNetworkRequest } from "../../network/port.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";
import type { PodEngine } from "../engine.ts";

/** What the network is told of a pod. Mappings without a host port ask for nothing and are dropped, as the kubelet expects. */
export function attachRequest(engine: PodEngine, id: SandboxId, config: PodSpec): PodNetworkRequest {
  const { metadata } = config;
  return {
    sandboxId: id,
    name: metadata.name,
    namespace: metadata.namespace,
    uid: metadata.uid,
    netns: joinHostPath(engine.config.state, "netns", id),
    portMappings: config.portMappings
      .filter((mapping) => mapping.hostPort > 0)
      .map((mapping) => ({
        protocol: mapping.protocol,
        containerPort: mapping.containerPort,
        hostPort: mapping.hostPort,
        hostIp: mapping.hostIp,
      })),
    annotations: { ...config.annotations },
    dns: {
      servers: [...(config.dnsConfig?.servers ?? [])],
      searches: [...(config.dnsConfig?.searches ?? [])],
      options: [...(config.dnsConfig?.options ?? [])],
    },
  };
}
