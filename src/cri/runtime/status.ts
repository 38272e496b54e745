import { verboseInfo } from "../convert/info.ts";
import type { CriDeps } from "../deps.ts";
import { handlerFeatures, runtimeFeatures } from "../features.ts";
import type { RuntimeRpc } from "../handler.ts";
import { runtimeHandlers } from "../validate/runtime-handler.ts";

/** Whether pods can run here and what the runtime can do. Never waits: the kubelet calls a slow answer NotReady. */
export function status({
  config,
  build,
  network,
  cgroups,
  hostFacts,
  loopWatch,
}: Pick<CriDeps, "config" | "build" | "network" | "cgroups" | "hostFacts" | "loopWatch">): RuntimeRpc<"status"> {
  return (request) => {
    const net = network.status();
    return {
      status: {
        conditions: [
          { type: "RuntimeReady", status: true },
          { type: "NetworkReady", status: net.ready, reason: net.reason, message: net.message },
        ],
      },
      runtimeHandlers: runtimeHandlers(config).map((name) => ({ name, features: handlerFeatures(hostFacts) })),
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
