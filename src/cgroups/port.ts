import type { CgroupPath, HostPath } from "../ids/path.ts";
import type { UnixNanos } from "../ids/units.ts";
import type { CgroupMount } from "../oci/mounts/cgroup-mount.ts";
import type { CgroupResources } from "../oci/resources/cgroup-resources.ts";

/**
 * Control groups, on v1, hybrid and v2 alike.
 *
 * Paths are logical (`/kubepods/burstable/pod…/<id>`); the adapter knows the hierarchies they exist in. All calls are
 * synchronous: a handful of cgroupfs writes of microseconds each.
 */
export interface Cgroups {
  readonly mode: "v1" | "hybrid" | "v2";
  /** The hierarchies groups are made in, as a container sees them mounted: for its launch plan. */
  readonly containerMounts: readonly CgroupMount[];
  /** Makes `path` and its missing parents in every hierarchy, enables controllers (v2), applies `resources`. Idempotent. */
  create(path: CgroupPath, resources: CgroupResources): void;
  /**
   * Gives a group of a v2 host to the root user of a container, to make groups below it and spread its processes over them
   * (cgroup-v2.rst, "Delegation"): the directory and the few files the kernel names for that. The limits stay the host's.
   */
  delegate(path: CgroupPath, uid: number, gid: number): void;
  /** Applies limits to a live cgroup; on failure restores what had been written. */
  update(path: CgroupPath, resources: CgroupResources): void;
  /** Of the limits asked for, those in force: the kernel's where it has another than asked (beyond its rounding). */
  readBack(path: CgroupPath, asked: CgroupResources): LimitsInForce;
  /**
   * The files a process enters the group by, one per hierarchy: it writes "0", itself, while it has a single thread.
   * cgroup.procs on v2; on v1 `tasks`, where such a write skips the lock that all forks of the host share.
   */
  procsFiles(path: CgroupPath): readonly HostPath[];
  /**
   * A child group of a container's for one exec, in the one hierarchy that kills (unified, else freezer), so that the exec
   * and all it forked can be ended together. Returns procs files for the exec's join-cgroup steps (the container's own for
   * every other hierarchy).
   */
  createExec(container: CgroupPath, execId: string): readonly HostPath[];
  killExec(container: CgroupPath, execId: string): void;
  /** Whether the group is gone; one whose killed processes are not yet gone takes another attempt. */
  removeExec(container: CgroupPath, execId: string): boolean;
  /** SIGKILL to everything in `path` and below: cgroup.kill, else freeze + kill + thaw. */
  kill(path: CgroupPath): void;
  /** Of the first groups of a tree that a container has filled with them. */
  pids(path: CgroupPath): readonly number[];
  /** Of all of them. @param turn lets others have theirs. */
  pidsInTurns(path: CgroupPath, turn: () => Promise<void>): Promise<readonly number[]>;
  /** Whether the group exists and holds no process. */
  isEmpty(path: CgroupPath): boolean;
  /** rmdir of `path` and everything below in every hierarchy; absent is success; EBUSY is retried a bounded number of times by the caller. */
  remove(path: CgroupPath): void;
  /** rmdir of `path` alone, in every hierarchy where it has neither child nor process: for a parent several pods share. */
  removeIfUnused(path: CgroupPath): void;
  exists(path: CgroupPath): boolean;
  /** memory.events (v2) or memory.oom_control (v1). */
  oomFile(path: CgroupPath): HostPath | undefined;
  stats(path: CgroupPath): CgroupStats;
  /** What metrics ask for beside `stats`: a dozen more reads. */
  accounting(path: CgroupPath): CgroupAccounting;
}

/** The limits of which the kernel may take another value than it was given. */
export type LimitsInForce = Pick<
  CgroupResources,
  "cpuShares" | "cpuQuotaUs" | "cpuPeriodUs" | "cpusetCpus" | "cpusetMems" | "memoryLimit" | "memorySwap"
>;

/** What the kernel accounts; undefined where the hierarchy or controller is not there. */
export interface CgroupStats {
  readonly timestampNs: UnixNanos;
  readonly cpuUsageNs: bigint | undefined;
  readonly memory:
    | {
        readonly usageBytes: bigint;
        readonly workingSetBytes: bigint;
        readonly rssBytes: bigint;
        readonly pageFaults: bigint;
        readonly majorPageFaults: bigint;
        /** undefined: unlimited. */
        readonly limitBytes: bigint | undefined;
        readonly swapUsageBytes: bigint | undefined;
        readonly swapLimitBytes: bigint | undefined;
      }
    | undefined;
  readonly pids: bigint | undefined;
  readonly oomKills: bigint | undefined;
  readonly cpuPressure: PressureStats | undefined;
  readonly memoryPressure: PressureStats | undefined;
  readonly ioPressure: PressureStats | undefined;
}

/** Counters, peaks and breakdowns; undefined where the hierarchy, controller or kernel does not have them. */
export interface CgroupAccounting {
  readonly cpu: {
    readonly userNs: bigint | undefined;
    readonly systemNs: bigint | undefined;
    readonly periods: bigint | undefined;
    readonly throttledPeriods: bigint | undefined;
    readonly throttledNs: bigint | undefined;
  };
  readonly memory: {
    readonly cacheBytes: bigint | undefined;
    readonly mappedFileBytes: bigint | undefined;
    readonly activeFileBytes: bigint | undefined;
    readonly inactiveFileBytes: bigint | undefined;
    readonly kernelBytes: bigint | undefined;
    readonly peakBytes: bigint | undefined;
    /** How often the limit was run into. */
    readonly limitHits: bigint | undefined;
    /** Of the group alone where the kernel tells it apart (v1), else of the tree. */
    readonly ownPageFaults: bigint | undefined;
    readonly ownMajorPageFaults: bigint | undefined;
  };
  /** Empty: no device was used yet. */
  readonly io: readonly DeviceIo[] | undefined;
  readonly hugepages: readonly HugepageUse[];
  /** undefined: unlimited. */
  readonly pidsLimit: bigint | undefined;
}

export interface DeviceIo {
  /** "8:16" */
  readonly device: string;
  readonly readBytes: bigint;
  readonly writtenBytes: bigint;
  readonly reads: bigint;
  readonly writes: bigint;
}

export interface HugepageUse {
  /** "2MB", as the kernel's files are named. */
  readonly pageSize: string;
  readonly usedBytes: bigint;
  /** v1 only. */
  readonly peakBytes: bigint | undefined;
}

/** cgroup v2 *.pressure, microseconds total and averages in percent. */
export interface PressureStats {
  readonly some: { readonly totalUs: bigint; readonly avg10: number; readonly avg60: number; readonly avg300: number };
  readonly full: { readonly totalUs: bigint; readonly avg10: number; readonly avg60: number; readonly avg300: number };
}
