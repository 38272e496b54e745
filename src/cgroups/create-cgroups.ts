import { internal, invalidArgument, notFound } from "../errors/crib-error.ts";
import type { CgroupPath, HostPath } from "../ids/path.ts";
import type { Clock } from "../observe/clock.ts";
import type { CgroupResources } from "../oci/resources/cgroup-resources.ts";
import type { CgroupFiles } from "./files/cgroup-files.ts";
import { explainRefusal } from "./files/control-write.ts";
import { createJournal } from "./files/journal.ts";
import { dissolveExecGroup, execGroup } from "./groups/exec-group.ts";
import { RemovalBudget, removeGroup, removeTree } from "./groups/group-tree.ts";
import { killGroup, v1Freezer, v2Freezer } from "./groups/kill-group.ts";
import { treePids, treePidsInTurns } from "./groups/tree-pids.ts";
import type { Hierarchy, Layout } from "./hierarchies.ts";
import { containerMount, detectLayout } from "./hierarchies.ts";
import type { CgroupAccounting, CgroupStats, Cgroups } from "./port.ts";
import { readHugepageUse } from "./readings/hugepage-use.ts";
import { checkMemoryFits } from "./readings/memory-fits.ts";
import { readV1Limits, readV2Limits } from "./readings/read-back.ts";
import { readV1Accounting } from "./v1/accounting-v1.ts";
import { readV1Stats } from "./v1/stats-v1.ts";
import { applyV1Limits, createV1Groups } from "./v1/v1-groups.ts";
import { readV2Accounting } from "./v2/accounting-v2.ts";
import { delegateGroup } from "./v2/delegate-group.ts";
import { withoutMemoryQuality } from "./v2/memory-quality.ts";
import { readPressures, readV2Stats } from "./v2/stats-v2.ts";
import { v2Controls } from "./v2/v2-controls.ts";
import { type AttachDeviceProgram, applyV2Limits, createV2Group, updateDevices } from "./v2/v2-groups.ts";

export interface CgroupsInput {
  /** Text of /proc/self/mountinfo. */
  readonly mountinfo: string;
  /** Where hierarchies are mounted; /sys/fs/cgroup on every host. */
  readonly root: string;
  readonly files: CgroupFiles;
  readonly clock: Pick<Clock, "now">;
  /** systemd runs here: its v1 hierarchy must show containers outside crib's own unit. */
  readonly systemd: boolean;
  /** Whether the kernel kills v2 groups by itself (cgroup.kill, Linux ≥ 5.14). */
  readonly kernelKills: boolean;
  readonly attachDeviceProgram: AttachDeviceProgram;
  /** Tells once what of the requests this host cannot do, where that does no harm. */
  readonly note?: (text: string) => void;
  /** SIGKILL; a process that is gone is no error. */
  readonly sigkill: (pid: number) => void;
}

/** v1 controllers that limit or count something for us; the rest of the hierarchies is left alone. */
const usedControllers: ReadonlySet<string> = new Set([
  "blkio",
  "cpu",
  "cpuacct",
  "cpuset",
  "devices",
  "hugetlb",
  "memory",
  "pids",
]);

/** Memory limits are kept in whole pages: 4 KiB on every machine crib is built for. */
const pageBytes = 4096n;

const noPressure = { cpuPressure: undefined, memoryPressure: undefined, ioPressure: undefined } as const;

/**
 * The host's control groups, whichever version it has.
 *
 * On a hybrid host limits live in v1 and the v2 hierarchy beside it does what v1 cannot: kill a group at once, measure
 * pressure, hold the controllers v1 does not have.
 *
 * @throws {CribError} failed-precondition when no hierarchy is mounted.
 */
export function createCgroups(input: CgroupsInput): Cgroups {
  const { files, root, attachDeviceProgram } = input;
  const layout = detectLayout(input.mountinfo, root);
  const v1 = usedV1(layout, input);
  const { v2 } = layout;
  const alone = layout.mode === "v2";
  const all: readonly Hierarchy[] = v2 === undefined ? v1 : [...v1, v2];
  /** Those that crib leaves alone too: another runtime makes groups of the same path there (runc in every one). */
  const everywhere: readonly Hierarchy[] = v2 === undefined ? layout.v1 : [...layout.v1, v2];
  const killing = v2 ?? v1.find(({ controllers }) => controllers.includes("freezer")) ?? v1[0];
  const freezer = v2 === undefined ? v1Freezer : v2Freezer;
  const directoryIn = (hierarchy: Hierarchy | undefined, path: CgroupPath) => `${hierarchy?.mountpoint ?? root}${path}`;
  const v1Directory = (controller: string, path: CgroupPath) => {
    const hierarchy = v1.find(({ controllers }) => controllers.includes(controller));
    return hierarchy === undefined ? undefined : directoryIn(hierarchy, path);
  };
  const exists = (path: CgroupPath) => all.some((hierarchy) => files.exists(directoryIn(hierarchy, path)));
  const pids = (path: CgroupPath) => treePids(files, directoryIn(killing, path));
  const memoryIsV1 = v1.some(({ controllers }) => controllers.includes("memory"));
  let noted = false;
  const applicable = (requested: CgroupResources): CgroupResources => {
    if (!memoryIsV1) return requested;
    const { resources, left } = withoutMemoryQuality(requested);
    if (left.length > 0 && !noted) {
      noted = true;
      input.note?.(`${left.join(", ")} of containers are ignored: cgroup v1 has no such thing`);
    }
    return resources;
  };
  const kill = (directory: string) => killGroup(files, directory, freezer, input.sigkill);

  return {
    mode: layout.mode,
    containerMounts: all.map((hierarchy) => containerMount(hierarchy, root)),

    create(path, requested) {
      const resources = applicable(requested);
      checkUnified(resources, layout);
      explaining(() => {
        createV1Groups(files, v1, path, resources);
        if (v2 !== undefined) createV2Group(files, v2, path, v2Share(resources, layout), alone, attachDeviceProgram);
      });
    },

    delegate: (path, uid, gid) => delegateGroup(files, directoryIn(v2, path), uid, gid),

    update(path, requested) {
      const resources = applicable(requested);
      checkUnified(resources, layout);
      if (!exists(path)) throw notFound("cgroup", path);
      if (alone) checkMemoryFits(files, directoryIn(v2, path), v2Controls(resources));
      const journal = createJournal(files);
      explaining(() => {
        try {
          applyV1Limits(journal.files, v1, path, resources);
          if (v2 !== undefined) applyV2Limits(journal.files, v2, path, v2Share(resources, layout));
          if (alone) updateDevices(directoryIn(v2, path), resources, attachDeviceProgram);
        } catch (error) {
          const left = journal.rollBack();
          if (left !== undefined) {
            throw internal(
              `limits of ${path} are half updated: the rest could be neither set nor restored`,
              new AggregateError([error, left]),
            );
          }
          throw error;
        }
      });
    },

    readBack: (path, asked) =>
      alone
        ? readV2Limits(files, directoryIn(v2, path), asked, pageBytes)
        : readV1Limits(files, (controller) => v1Directory(controller, path), asked, pageBytes),

    procsFiles: (path) => all.map((hierarchy) => procsFile(hierarchy, directoryIn(hierarchy, path))),

    createExec(container, execId) {
      const directory = execGroup(directoryIn(killing, container), execId);
      files.mkdir(directory);
      return all.map((hierarchy) =>
        procsFile(hierarchy, hierarchy === killing ? directory : directoryIn(hierarchy, container)),
      );
    },
    killExec: (container, execId) => kill(execGroup(directoryIn(killing, container), execId)),
    removeExec: (container, execId) => dissolveExecGroup(files, directoryIn(killing, container), execId),

    kill: (path) => kill(directoryIn(killing, path)),
    pids,
    pidsInTurns: (path, turn) => treePidsInTurns(files, directoryIn(killing, path), turn),
    isEmpty: (path) => files.exists(directoryIn(killing, path)) && pids(path).length === 0,
    remove(path) {
      const budget = new RemovalBudget();
      for (const hierarchy of everywhere) removeTree(files, directoryIn(hierarchy, path), budget);
    },
    removeIfUnused(path) {
      for (const hierarchy of everywhere) removeGroup(files, directoryIn(hierarchy, path));
    },
    exists,

    oomFile(path) {
      const memory = v1Directory("memory", path);
      if (memory !== undefined) return `${memory}/memory.oom_control` as HostPath;
      return alone ? (`${directoryIn(v2, path)}/memory.events` as HostPath) : undefined;
    },

    stats(path): CgroupStats {
      const pressures = v2 === undefined ? noPressure : readPressures(files, directoryIn(v2, path));
      const accounted = alone
        ? readV2Stats(files, directoryIn(v2, path))
        : readV1Stats(files, (controller) => v1Directory(controller, path));
      return { timestampNs: input.clock.now(), ...accounted, ...pressures };
    },

    accounting(path): CgroupAccounting {
      const accounted = alone
        ? readV2Accounting(files, directoryIn(v2, path))
        : readV1Accounting(files, (controller) => v1Directory(controller, path));
      const hugetlb = v1Directory("hugetlb", path);
      const hugepages =
        hugetlb === undefined && v2 === undefined
          ? []
          : readHugepageUse(files, hugetlb ?? directoryIn(v2, path), hugetlb === undefined ? 2 : 1);
      return { ...accounted, hugepages };
    },
  };
}

function usedV1({ v1, v2 }: Layout, { systemd, kernelKills }: CgroupsInput): readonly Hierarchy[] {
  const needsFreezer = v2 === undefined || !kernelKills;
  return v1.filter(({ controllers }) =>
    controllers.some(
      (controller) =>
        usedControllers.has(controller) ||
        (needsFreezer && controller === "freezer") ||
        (systemd && controller === "name=systemd"),
    ),
  );
}

/** What of the limits belongs into the v2 hierarchy: everything when it is alone, else what no v1 hierarchy takes. */
function v2Share(resources: CgroupResources, { mode, v1 }: Layout): CgroupResources {
  if (mode === "v2") return resources;
  const hugetlbInV1 = v1.some(({ controllers }) => controllers.includes("hugetlb"));
  const hugepages = hugetlbInV1 ? [] : (resources.hugepageLimits ?? []).filter(({ limit }) => limit > 0n);
  return {
    ...(hugepages.length > 0 && { hugepageLimits: hugepages }),
    ...(resources.unified !== undefined && { unified: resources.unified }),
  };
}

function checkUnified(resources: CgroupResources, { v2 }: Layout): void {
  const [first] = resources.unified?.keys() ?? [];
  if (v2 === undefined && first !== undefined) {
    throw invalidArgument(`unified limit ${first} needs cgroup v2, which this host does not have`);
  }
}

function explaining(call: () => void): void {
  try {
    call();
  } catch (error) {
    throw explainRefusal(error);
  }
}

/**
 * A write to cgroup.procs, even by a lone process about itself, takes the lock that every fork and exit of the host holds
 * for reading, and waits for an RCU grace period before it: up to 12 ms seen on a busy machine. A thread that moves itself
 * through v1's `tasks` need not (kernel/cgroup/cgroup.c, Linux ≥ 5.14). v2 has clone3's CLONE_INTO_CGROUP for that.
 */
function procsFile({ version }: Hierarchy, directory: string): HostPath {
  return `${directory}/${version === 1 ? "tasks" : "cgroup.procs"}` as HostPath;
}
