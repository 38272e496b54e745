import { create } from "@bufbuild/protobuf";
import type { LinuxPodSandboxConfig, PodSandboxConfig } from "../../gen/runtime/v1/api_pb.ts";
import { LinuxPodSandboxConfigSchema, PodSandboxConfigSchema } from "../../gen/runtime/v1/api_pb.ts";
import { deepFrozen } from "../../spec/deep-frozen.ts";
import type { LinuxPodSpec, PodSpec } from "../../spec/pod-spec.ts";
import type { RequestedHostPath } from "../../spec/requested-path.ts";
import { requireSandboxConfig } from "../validate/sandbox-config.ts";
import { protocols } from "./enum-words.ts";
import { fromResourceLimits, toResourceLimits } from "./resource-limits.ts";
import { fromSecurityContext, toSecurityContext } from "./security-context.ts";

/** @throws {CribError} invalid-argument naming the field; nothing has happened yet. */
export function parsePodSpec(config: PodSandboxConfig | undefined, field = "config"): PodSpec {
  return toPodSpec(requireSandboxConfig(config, field));
}

/** Of a config that was checked, when it came or by the crib that recorded it. What is for Windows only is left out. */
export function toPodSpec(config: PodSandboxConfig): PodSpec {
  const { metadata, dnsConfig: dns, logDirectory } = config;
  return deepFrozen({
    metadata: {
      name: metadata?.name ?? "",
      uid: metadata?.uid ?? "",
      namespace: metadata?.namespace ?? "",
      attempt: metadata?.attempt ?? 0,
    },
    hostname: config.hostname,
    logDirectory: logDirectory === "" ? undefined : (logDirectory as RequestedHostPath),
    dnsConfig: dns && { servers: [...dns.servers], searches: [...dns.searches], options: [...dns.options] },
    portMappings: config.portMappings.map(({ protocol, containerPort, hostPort, hostIp }) => ({
      protocol: protocols.wordOf(protocol),
      containerPort,
      hostPort,
      hostIp,
    })),
    labels: { ...config.labels },
    annotations: { ...config.annotations },
    linux: config.linux && toLinux(config.linux),
  });
}

function toLinux({ cgroupParent, sysctls, overhead, resources, securityContext }: LinuxPodSandboxConfig): LinuxPodSpec {
  return {
    cgroupParent,
    sysctls: { ...sysctls },
    overhead: overhead && toResourceLimits(overhead),
    resources: resources && toResourceLimits(resources),
    securityContext: securityContext && toSecurityContext(securityContext),
  };
}

/** The message again, for the verbose status. */
export function fromPodSpec(spec: PodSpec): PodSandboxConfig {
  const { dnsConfig: dns } = spec;
  return create(PodSandboxConfigSchema, {
    metadata: spec.metadata,
    hostname: spec.hostname,
    logDirectory: spec.logDirectory ?? "",
    dnsConfig: dns && { servers: [...dns.servers], searches: [...dns.searches], options: [...dns.options] },
    portMappings: spec.portMappings.map((port) => ({ ...port, protocol: protocols.valueOf(port.protocol) })),
    labels: { ...spec.labels },
    annotations: { ...spec.annotations },
    linux: spec.linux && fromLinux(spec.linux),
  });
}

function fromLinux({ cgroupParent, sysctls, overhead, resources, securityContext }: LinuxPodSpec) {
  return create(LinuxPodSandboxConfigSchema, {
    cgroupParent,
    sysctls: { ...sysctls },
    overhead: overhead && fromResourceLimits(overhead),
    resources: resources && fromResourceLimits(resources),
    securityContext: securityContext && fromSecurityContext(securityContext),
  });
}
