import { isIP } from "node:net";
import { invalidArgument } from "../../errors/crib-error.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";

/** One range, or two separated by a comma (dual stack). @throws {CribError} invalid-argument */
function checkPodCidr(value: string, field: string): void {
  for (const range of value.split(",")) {
    const [address = "", prefix = "", rest] = range.trim().split("/");
    const family = isIP(address);
    const bits = family === 4 ? 32 : 128;
    if (family === 0 || rest !== undefined || !/^[0-9]{1,3}$/.test(prefix) || Number(prefix) > bits) {
      throw invalidArgument(`${field} ${JSON.stringify(value.slice(0, 120))} is not a CIDR such as "10.244.0.0/24"`);
    }
  }
}

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
