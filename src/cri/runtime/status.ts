import { verboseInfo } from "../convert/info.ts";
import type { CriDeps } from "../deps.ts";
import { runtimeFeatures } from "../features.ts";
import type { RuntimeRpc } from "../handler.ts";

/** Whether pods can run here and what the runtime can do. Never waits: the kubelet calls a slow answer NotReady. */
export function status({
  config,
  build,
  pods,
  network,
  cgroups,
  hostFacts,
  loopWatch,
}: Pick<
  CriDeps,
  "config" | "build" | "pods" | "network" | "cgroups" | "hostFacts" | "loopWatch"
>): RuntimeRpc<"status"> {
  return async (request) => {
    const net = await network.status();
    return {
      status: {
        conditions: [
          { type: "RuntimeReady", status: true },
          { type: "NetworkReady", status: net.ready, reason: net.reason, message: net.message },
        ],
      },
      runtimeHandlers: pods.runtimeHandlers().map(({ name, features }) => ({ name, features })),
      features: runtimeFeatures(hostFacts),
      info: request.verbose
        ? verboseInfo({
            version: build.version,
            revision: build.revision,
            cgroupMode: cgroups.mode,
            apparmorEnabled: hostFacts.apparmor,
            selinuxEnabled: hostFacts.selinux,
            eventLoop: loopWatch.report,
            config,
          })
        : {},
    };
  };
}
