import type { Config } from "../../config/config.ts";
import { CgroupDriver } from "../../gen/runtime/v1/api_pb.ts";
import type { CriDeps } from "../deps.ts";
import type { RuntimeRpc } from "../handler.ts";

const drivers: Record<Config["cgroup"]["driver"], CgroupDriver> = {
  systemd: CgroupDriver.SYSTEMD,
  cgroupfs: CgroupDriver.CGROUPFS,
};

/** Which cgroup driver the kubelet must use to agree with us (KEP-4033). */
export function runtimeConfig({ config }: Pick<CriDeps, "config">): RuntimeRpc<"runtimeConfig"> {
  return () => ({ linux: { cgroupDriver: drivers[config.cgroup.driver] } });
}
