import type { HostPath } from "../../ids/path.ts";
import type { Kernel } from "../../kernel/port.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { NetlinkKernel } from "../netlink/netlink-socket.ts";
import type { SysctlKernel } from "./sysctl.ts";

export type BuiltinKernel = NetlinkKernel & SysctlKernel & Pick<Kernel, "open">;

export interface BuiltinNetworkOptions {
  readonly kernel: BuiltinKernel;
  readonly bridge: string;
  /** Comma-separated CIDRs; undefined: a free one is chosen. */
  readonly subnet: string | undefined;
  /** Where the chosen one is kept. */
  readonly rangeFile: HostPath;
  /** 0: the default route's. */
  readonly mtu: number;
  /** Whether a pod may send only from its own MAC and addresses. */
  readonly antiSpoofing: boolean;
  /** The daemon's state directory: tells its bridge from another daemon's. */
  readonly owner: string;
  readonly log: Log;
  readonly clock: Clock;
}
