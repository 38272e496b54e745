import type { Database } from "bun:sqlite";
import type { PluginHost } from "../nri/plugin-service.ts";
import { TimeSlice } from "../observe/time-slice.ts";
import { Turns } from "../observe/turns.ts";
import type { ProcessStreams } from "../runtime/streams.ts";
import { type ContainerSecurityContext, emptySecurityContext } from "../spec/security-context.ts";
import { containerCodec } from "../state/container-codec.ts";
import { SandboxIntents } from "../state/intents.ts";
import type { OlderSpecs } from "../state/older-specs.ts";
import { RecordJournal } from "../state/record-journal.ts";
import { type RecordSafety, RecordStore } from "../state/record-store.ts";
import { sandboxCodec } from "../state/sandbox-codec.ts";
import type { PodEngine } from "./engine.ts";
import { connectPort } from "./exec/connect-port.ts";
import { execStreams } from "./exec/exec-streams.ts";
import { execSync } from "./exec/exec-sync.ts";
import { reopenLog } from "./exec/reopen-log.ts";
import { runningContainer } from "./exec/running-container.ts";
import { examineRuntimes } from "./host/examine-runtimes.ts";
import { MonitorLinks } from "./host/monitor-links.ts";
import { monitorSamples, renewMonitors } from "./host/renew-monitors.ts";
import { SandboxGroups } from "./host/sandbox-groups.ts";
import { EventHub } from "./ledger/event-hub.ts";
import { ExitWatch } from "./ledger/exit-watch.ts";
import { containerFingerprint, sandboxFingerprint } from "./ledger/fingerprint.ts";
import { KeyedLocks } from "./ledger/keyed-locks.ts";
import { Ledger } from "./ledger/ledger.ts";
import { NameRegistry } from "./ledger/name-registry.ts";
import { getRecord } from "./ledger/resolve-id.ts";
import { containerName, sandboxName } from "./ledger/sandbox-name.ts";
import { Starts } from "./ledger/starts.ts";
import { createContainer } from "./lifecycle/create-container.ts";
import { updateResources } from "./lifecycle/limits/update-resources.ts";
import { updateSandboxResources } from "./lifecycle/limits/update-sandbox-resources.ts";
import { recover, takeStock } from "./lifecycle/recover.ts";
import { removeContainer } from "./lifecycle/remove-container.ts";
import { removeSandbox } from "./lifecycle/remove-sandbox.ts";
import { runSandbox } from "./lifecycle/run-sandbox.ts";
import { startContainer } from "./lifecycle/start-container.ts";
import { stopContainer } from "./lifecycle/stop-container.ts";
import { stopSandbox } from "./lifecycle/stop-sandbox.ts";
import { TeardownRetries } from "./lifecycle/teardown/teardown-retries.ts";
import { applyPluginUpdates } from "./plugins/apply-plugin-updates.ts";
import { pluginContainer, pluginPod } from "./plugins/plugin-views.ts";
import type { Pods, SandboxTrouble } from "./port.ts";
import { DefaultSeccompProfiles } from "./request/default-seccomp-profiles.ts";
import { resolveSeccomp } from "./request/resolve-seccomp.ts";
import { CgroupReadings } from "./stats/cgroup-readings.ts";
import { containerStats } from "./stats/container-stats.ts";
import { CpuRates } from "./stats/cpu-rates.ts";
import { DeviceNames } from "./stats/layer-filesystem.ts";
import { LayerUsage } from "./stats/layer-usage.ts";
import { measureTree } from "./stats/measure-tree.ts";
import { sandboxMetrics } from "./stats/sandbox-metrics.ts";
import { sandboxStats } from "./stats/sandbox-stats.ts";
import { Tellable } from "./stats/tellable.ts";
import type { AttachStreamsRequest } from "./streams.ts";

/** What plugins see of the pods beside the requests they are asked about. */
function pluginHost(engine: PodEngine): PluginHost {
  return {
    pods: () => engine.sandboxes.all().map(pluginPod),
    containers: () => engine.containers.all().map(pluginContainer),
    applyUpdates: (updates) => applyPluginUpdates(engine, updates),
  };
}

/** Joins a running container's own input and output, from now on. A terminal has no error output of its own. */
async function attachStreams(engine: PodEngine, request: AttachStreamsRequest): Promise<ProcessStreams> {
  const { record, monitor } = await runningContainer(engine, request.containerId, "be attached to");
  const { stdin, stdout, stderr } = request;
  return await monitor.attach({ containerId: record.id, stdin, stdout, stderr });
}

/** The adapters of a `PodEngine`; what is live beside them is made here. */
export type PodsDependencies = Pick<
  PodEngine,
  | "config"
  | "bootId"
  | "hostFacts"
  | "kernel"
  | "clock"
  | "log"
  | "images"
  | "network"
  | "plugins"
  | "cgroups"
  | "runtimes"
  | "defaultAppArmor"
  | "pathLooker"
  | "uptimeMs"
> & { readonly database: Database; readonly olderSpecs: OlderSpecs } & Omit<RecordSafety, "journal">;

export interface RunningPods extends Pods {
  /** Resolves when every pod has been looked at once; a pod that does not answer is unknown then, and looked for. */
  readonly recovered: Promise<void>;
  /** What plugins are told when they register, and how they change containers. */
  readonly pluginHost: PluginHost;
  /** Lets go of every monitor; pods run on. */
  close(): void;
}

/** Loads the records and returns the verbs, which answer from them; what runs is recovered meanwhile. */
export async function createPods(dependencies: PodsDependencies): Promise<RunningPods> {
  const { database, olderSpecs, behind, late, room, ...adapters } = dependencies;
  const { clock, log } = adapters;
  const safetyOf = (kind: string): RecordSafety => ({
    journal: new RecordJournal(adapters.config.state, kind, adapters.bootId, log),
    behind,
    late,
    room,
  });
  const sandboxes = new RecordStore(database, sandboxCodec(olderSpecs), safetyOf("sandbox"));
  const containers = new RecordStore(database, containerCodec(olderSpecs), safetyOf("container"));
  const tellable = new Tellable(log, clock);
  const eventHub = new EventHub(clock);
  const live: Omit<PodEngine, "sandboxGroups"> = {
    ...adapters,
    sandboxes,
    containers,
    ledger: new Ledger(sandboxes, containers, eventHub),
    intents: new SandboxIntents(adapters.config.state),
    monitors: new MonitorLinks(clock),
    locks: new KeyedLocks(clock),
    starts: new Starts(),
    turns: new Turns(),
    teardowns: new TeardownRetries(clock, log),
    sandboxNames: new NameRegistry("sandbox"),
    containerNames: new NameRegistry("container"),
    exits: new ExitWatch(clock),
    earlyExits: new Map(),
    defaultSeccomp: new DefaultSeccompProfiles(),
    eventHub,
    samplingSlice: new TimeSlice(clock),
    cgroupReadings: new CgroupReadings(adapters.cgroups, clock, tellable),
    cpuRates: new CpuRates(),
    layerUsage: new LayerUsage((root) => measureTree(adapters.kernel, clock, root), clock, log),
    tellable,
  };
  const engine: PodEngine = { ...live, sandboxGroups: new SandboxGroups(live) };
  sandboxes.load(log);
  containers.load(log);
  const leftovers = await takeStock(engine);
  adoptNames(engine);
  const recovered = recover(engine, leftovers).catch((error: unknown) => log.error({ err: error }, "recovery failed"));
  if (adapters.config.runtime.renewMonitors) renewAfter(recovered, engine);
  prepareRuntime(engine);
  return { ...verbs(engine), recovered, pluginHost: pluginHost(engine) };
}

/** The first pod of a daemon should not be the one that waits for what can be made ahead. */
function prepareRuntime(engine: PodEngine): void {
  const asked: ContainerSecurityContext = { ...emptySecurityContext, seccomp: { kind: "runtime-default" } };
  const seccomp = engine.hostFacts.seccomp ? resolveSeccomp(engine, asked, undefined) : undefined;
  engine.runtimes.prepare({ seccomp });
}

function adoptNames(engine: PodEngine): void {
  for (const { id, config, runtimeHandler } of engine.sandboxes.all()) {
    engine.sandboxNames.adopt(sandboxName(config), sandboxFingerprint(config, runtimeHandler), id);
  }
  for (const { id, config, sandboxId } of engine.containers.all()) {
    engine.containerNames.adopt(containerName(sandboxId, config), containerFingerprint(config), id);
  }
}

function sandboxTrouble(engine: PodEngine, idOrPrefix: string): SandboxTrouble {
  const { id } = getRecord("sandbox", engine.sandboxes, idOrPrefix);
  return {
    monitor: engine.monitors.trouble(id),
    notGivenBack: engine.teardowns.failuresOf(id).map(({ step, error }) => ({ step, reason: error.message })),
  };
}

/** An upgrade of the daemon reaches the monitors of running pods too. */
function renewAfter(recovered: Promise<void>, engine: PodEngine): void {
  recovered
    .then(() => renewMonitors(engine, []))
    .catch((error: unknown) => engine.log.error({ err: error }, "the monitors were not renewed"));
}

function verbs(engine: PodEngine): Omit<RunningPods, "recovered" | "pluginHost"> {
  const deviceNames = new DeviceNames();
  return {
    runSandbox: (config, handler) => runSandbox(engine, config, handler),
    stopSandbox: (id) => stopSandbox(engine, id),
    removeSandbox: (id) => removeSandbox(engine, id),
    sandbox: (id) => getRecord("sandbox", engine.sandboxes, id),
    sandboxes: () => engine.sandboxes.all(),
    sandboxTrouble: (id) => sandboxTrouble(engine, id),
    monitors: () => monitorSamples(engine),
    renewMonitors: (names) => renewMonitors(engine, names),
    createContainer: (sandboxId, config) => createContainer(engine, sandboxId, config),
    startContainer: (id) => startContainer(engine, id),
    stopContainer: (id, timeoutSeconds) => stopContainer(engine, id, timeoutSeconds),
    removeContainer: (id) => removeContainer(engine, id),
    container: (id) => getRecord("container", engine.containers, id),
    containers: () => engine.containers.all(),
    exec: (request) => execStreams(engine, request),
    attach: (request) => attachStreams(engine, request),
    connectPort: (sandboxId, port) => connectPort(engine, sandboxId, port),
    execSync: (request) => execSync(engine, request),
    reopenLog: (id) => reopenLog(engine, id),
    updateResources: (id, resources) => updateResources(engine, id, resources),
    updateSandboxResources: (id, overhead, resources) => updateSandboxResources(engine, id, overhead, resources),
    containerStats: (id, patience) => containerStats(engine, id, patience),
    sandboxStats: (id, patience) => sandboxStats(engine, id, patience),
    sandboxMetrics: (id, patience) => sandboxMetrics(engine, deviceNames, id, patience),
    runtimeHandlers: () => engine.runtimes.features(),
    examineRuntimes: () => examineRuntimes(engine),
    events: (signal) => engine.eventHub.subscribe(signal),
    close: () => {
      engine.runtimes[Symbol.dispose]();
      engine.sandboxGroups[Symbol.dispose]();
      engine.teardowns[Symbol.dispose]();
      engine.monitors.disconnectAll();
    },
  };
}
