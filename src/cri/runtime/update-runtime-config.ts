import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";
import { checkPodCidr } from "../validate/pod-cidr.ts";

/** The kubelet tells the node's pod range; only the built-in network has a use for it. */
export function updateRuntimeConfig({ network }: Pick<CriDeps, "network">): RuntimeRpc<"updateRuntimeConfig"> {
  return async (request) => {
    const cidr = request.runtimeConfig?.networkConfig?.podCidr ?? "";
    if (cidr === "") return {};
    checkPodCidr(cidr, "runtime_config.network_config.pod_cidr");
    await network.setPodCidr(cidr);
    return {};
  };
}
