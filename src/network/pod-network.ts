import type { Config } from "../config/config.ts";
import { unavailable } from "../errors/crib-error.ts";
import { joinHostPath } from "../ids/path.ts";
import type { Kernel } from "../kernel/port.ts";
import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";
import { BuiltinNetwork } from "./builtin/builtin-network.ts";
import { CniNetworks } from "./cni/cni-network.ts";
import { ConfigDirectory } from "./cni/config-directory.ts";
import { readInterfaceStats } from "./interface-stats.ts";
import type { PodNetwork } from "./port.ts";

export interface PodNetworkOptions {
  readonly kernel: Kernel;
  readonly config: Pick<Config, "cni" | "network" | "root" | "state">;
  readonly log: Log;
  readonly clock: Clock;
}

/**
 * Pod networking: the CNI network configured in `config.cni.configDir`, or the built-in one when there is none.
 *
 * The choice is made anew for every pod, and a pod is taken down by what set it up. A directory whose files are all
 * broken is an error, not a reason to give pods another network than the node's operator meant.
 *
 * `reconcile` must run before the first `attach`: it is what makes the addresses of live pods known.
 */
export function createPodNetwork({ kernel, config, log, clock }: PodNetworkOptions): PodNetwork {
  const directory = new ConfigDirectory(() => config.cni.configDir, log);
  const cni = new CniNetworks(kernel, {
    get binDirs() {
      return config.cni.binDirs;
    },
    get pluginTimeoutMs() {
      return config.cni.pluginTimeoutMs;
    },
    clock,
    log,
  });
  const builtin = new BuiltinNetwork({
    kernel,
    ...config.network,
    rangeFile: joinHostPath(config.root, "pod-range.json"),
    owner: config.state,
    log,
    clock,
  });

  return {
    async attach(request, signal) {
      const configuration = directory.current();
      if (configuration.kind === "invalid") {
        throw unavailable(`no usable CNI configuration in ${config.cni.configDir}: ${configuration.message}`);
      }
      if (configuration.kind === "none") return await builtin.attach(request);
      return await cni.attach(configuration.network, request, signal);
    },

    async detach(request, attachment) {
      if (attachment?.provider !== "cni") await builtin.detach(request.sandboxId);
      if (attachment?.provider === "builtin") return;
      const configuration = directory.current();
      await cni.detach(request, attachment, configuration.kind === "network" ? configuration.network : undefined);
    },

    async reconcile(live) {
      await builtin.reconcile(live.filter(({ attachment }) => attachment.provider === "builtin"));
      const configuration = directory.current();
      if (configuration.kind !== "network") return;
      const ofCni = live.filter(({ attachment }) => attachment.provider === "cni");
      cni.reconcile(
        configuration.network,
        ofCni.map(({ request }) => request.sandboxId),
      );
    },

    async status() {
      const configuration = directory.current();
      if (configuration.kind === "invalid")
        return { ready: false, reason: "CNIConfigInvalid", message: configuration.message };
      if (configuration.kind === "network") return cni.status(configuration.network);
      const failure = await builtin.failure();
      return {
        ready: failure === undefined,
        reason: failure === undefined ? "" : "BuiltinNetworkNotReady",
        message: failure?.message ?? "",
      };
    },

    setPodCidr: (cidr) => builtin.setPodCidr(cidr),
    interfaceStats: (netns) => readInterfaceStats(kernel, netns),
    close: () => builtin[Symbol.asyncDispose](),
  };
}
