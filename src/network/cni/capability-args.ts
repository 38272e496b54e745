import type { PodNetworkRequest } from "../port.ts";
import { parseBandwidth } from "./quantity.ts";

/** The plugins take bursts in bits and refuse more than this. */
const unlimitedBurst = 0xffff_ffff;

const ingressAnnotation = "kubernetes.io/ingress-bandwidth";
const egressAnnotation = "kubernetes.io/egress-bandwidth";

/**
 * What the pod gives for each capability a plugin may ask for (CNI conventions, "Dynamic Plugin specific fields").
 * A capability without a value is left out.
 *
 * @throws {CribError} invalid-argument for a malformed bandwidth annotation.
 */
export function capabilityArgs(request: PodNetworkRequest): Readonly<Record<string, unknown>> {
  const { dns, portMappings, annotations } = request;
  const args: Record<string, unknown> = {};
  if (portMappings.length > 0) {
    args["portMappings"] = portMappings.map(({ protocol, hostPort, containerPort, hostIp }) => ({
      hostPort,
      containerPort,
      protocol,
      hostIP: hostIp,
    }));
  }
  if (dns.servers.length + dns.searches.length + dns.options.length > 0) {
    args["dns"] = { servers: dns.servers, searches: dns.searches, options: dns.options };
  }
  const bandwidth = bandwidthOf(annotations);
  if (bandwidth !== undefined) args["bandwidth"] = bandwidth;
  if (Object.keys(annotations).length > 0) args["io.kubernetes.cri.pod-annotations"] = annotations;
  return args;
}

function bandwidthOf(annotations: PodNetworkRequest["annotations"]): Record<string, number> | undefined {
  const rate = (key: string): number | undefined => {
    const text = annotations[key];
    return text === undefined || text === "" ? undefined : Number(parseBandwidth(text, `annotation ${key}`));
  };
  const ingress = rate(ingressAnnotation);
  const egress = rate(egressAnnotation);
  if (ingress === undefined && egress === undefined) return undefined;
  return {
    ...(ingress === undefined ? {} : { ingressRate: ingress, ingressBurst: unlimitedBurst }),
    ...(egress === undefined ? {} : { egressRate: egress, egressBurst: unlimitedBurst }),
  };
}
