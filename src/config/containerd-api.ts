import { posix } from "node:path";
import type { HostPath } from "../ids/path.ts";
import type { Config } from "./config.ts";

/**
 * Whether a socket also answers what cAdvisor asks of containerd's API. By default those do that stand in containerd's place,
 * which is where a kubelet's cAdvisor looks unless it is told another.
 */
export function servesContainerdApi({ containerdApi }: Pick<Config, "containerdApi">, socket: HostPath): boolean {
  switch (containerdApi) {
    case "auto":
      return posix.basename(socket) === "containerd.sock";
    case "all":
      return true;
    case "none":
      return false;
  }
}

/** Whether anyone can ask, so that pods have to be found by cAdvisor. */
export function isSeenByCadvisor(config: Pick<Config, "containerdApi" | "listen">): boolean {
  return config.listen.some((socket) => servesContainerdApi(config, socket));
}
