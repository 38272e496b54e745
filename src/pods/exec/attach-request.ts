import { invalidArgument } from "../../errors/crib-error.ts";
import type { PodSandboxConfig } from "../../gen/runtime/v1/api_pb.ts";
import { Protocol } from "../../gen/runtime/v1/api_pb.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import { joinHostPath } from "../../ids/path.ts";
import type { AttachRequest, PortMapping } from "../../network/port.ts";
import type { PodEngine } from "../engine.ts";

const protocols: Readonly<Record<Protocol, PortMapping["protocol"]>> = {
  [Protocol.TCP]: "tcp",
  [Protocol.UDP]: "udp",
  [Protocol.SCTP]: "sctp",
};

/** What the network is told of a pod. Mappings without a host port ask for nothing and are dropped, as the kubelet expects. */
export function attachRequest(engine: PodEngine, id: SandboxId, config: PodSandboxConfig): AttachRequest {
  const metadata = config.metadata;
  if (metadata === undefined) throw invalidArgument("sandbox config has no metadata");
  return {
    sandboxId: id,
    name: metadata.name,
    namespace: metadata.namespace,
    uid: metadata.uid,
    netns: joinHostPath(engine.config.state, "netns", id),
    portMappings: config.portMappings
      .filter((mapping) => mapping.hostPort > 0)
      .map((mapping) => ({
        protocol: protocols[mapping.protocol],
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
