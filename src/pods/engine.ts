import type { Cgroups } from "../cgroups/port.ts";
import type { Config } from "../config/config.ts";
import type { ContainerId, SandboxId } from "../ids/object-id.ts";
import type { Images } from "../images/port.ts";
import type { Kernel } from "../kernel/port.ts";
import type { PodNetwork } from "../network/port.ts";
import type { Plugins } from "../nri/port.ts";
import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";
import type { TimeSlice } from "../observe/time-slice.ts";
import type { Turns } from "../observe/turns.ts";
import type { HostFacts } from "../oci/host-facts.ts";
import type { DefaultAppArmor } from "../runtime/apparmor/default-apparmor.ts";
import type { RuntimeHandlers } from "../runtime/handlers.ts";
import type { ContainerExit } from "../runtime/port.ts";
import type { SandboxIntents } from "../state/intents.ts";
import type { ContainerRecord, SandboxRecord } from "../state/records.ts";
import type { MonitorLinks } from "./host/monitor-links.ts";
import type { PathLooker } from "./host/path-looker.ts";
import type { SandboxGroups } from "./host/sandbox-groups.ts";
import type { EventHub } from "./ledger/event-hub.ts";
import type { ExitWatch } from "./ledger/exit-watch.ts";
import type { KeyedLocks } from "./ledger/keyed-locks.ts";
import type { Ledger, RecordReader } from "./ledger/ledger.ts";
import type { NameRegistry } from "./ledger/name-registry.ts";
import type { Starts } from "./ledger/starts.ts";
import type { TeardownRetries } from "./lifecycle/teardown/teardown-retries.ts";
import type { DefaultSeccompProfiles } from "./request/default-seccomp-profiles.ts";
import type { CgroupReadings } from "./stats/cgroup-readings.ts";
import type { CpuRates } from "./stats/cpu-rates.ts";
import type { LayerUsage } from "./stats/layer-usage.ts";
import type { Tellable } from "./stats/tellable.ts";

/** What the verbs of this folder work with: the adapters main made, and the live state beside the records. */
export interface PodEngine {
  readonly config: Config;
  readonly bootId: string;
  readonly hostFacts: HostFacts;
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly log: Log;
  readonly images: Images;
  readonly network: PodNetwork;
  readonly plugins: Plugins;
  readonly cgroups: Cgroups;
  readonly runtimes: RuntimeHandlers;
  readonly pathLooker: Pick<PathLooker, "lookAll">;
  readonly defaultAppArmor: Pick<DefaultAppArmor, "ensure">;
  readonly defaultSeccomp: DefaultSeccompProfiles;

  /** To read; only the ledger writes. */
  readonly sandboxes: RecordReader<SandboxId, SandboxRecord>;
  readonly containers: RecordReader<ContainerId, ContainerRecord>;
  readonly ledger: Ledger;
  readonly intents: SandboxIntents;

  readonly monitors: MonitorLinks;
  readonly sandboxGroups: SandboxGroups;
  /** One verb at a time per sandbox or container id. */
  readonly locks: KeyedLocks;
  readonly starts: Starts;
  readonly teardowns: TeardownRetries;
  /** Taken before each long piece of a pod's life: no call waits for all of them at once. */
  readonly turns: Turns;
  /** Since the machine was booted. */
  readonly uptimeMs: () => number;
  readonly sandboxNames: NameRegistry<SandboxId>;
  readonly containerNames: NameRegistry<ContainerId>;
  readonly exits: ExitWatch;
  /** Exits seen before the record of their start was written. */
  readonly earlyExits: Map<ContainerId, ContainerExit>;
  readonly eventHub: EventHub;
  /** Shared by all who ask for statistics, so that together they hold the loop no longer than one. */
  readonly samplingSlice: TimeSlice;
  readonly cgroupReadings: CgroupReadings;
  readonly cpuRates: CpuRates;
  readonly layerUsage: LayerUsage;
  readonly tellable: Tellable;
}
