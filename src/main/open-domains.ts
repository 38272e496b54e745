import { readFileSync } from "node:fs";
import { openHostCgroups } from "../cgroups/open-host-cgroups.ts";
import type { Config } from "../config/config.ts";
import { olderSpecs } from "../cri/spec/older-specs.ts";
import { createImages } from "../images/create-images.ts";
import { readArtifact } from "../kernel/artifacts.ts";
import type { Kernel } from "../kernel/port.ts";
import { createPodNetwork } from "../network/pod-network.ts";
import { PluginRegistry } from "../nri/plugin-registry.ts";
import { PluginService } from "../nri/plugin-service.ts";
import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";
import { defaultRlimits } from "../oci/process/default-rlimits.ts";
import { createPods } from "../pods/create-pods.ts";
import { containerOfHolder } from "../pods/host/image-volumes.ts";
import { PathLooker } from "../pods/host/path-looker.ts";
import { DefaultAppArmor } from "../runtime/apparmor/default-apparmor.ts";
import { createMonitorLauncher } from "../runtime/native/monitor/launcher.ts";
import { monitorBuildOf } from "../runtime/native/monitor/monitor-build.ts";
import { nativeFeatures } from "../runtime/native/native-features.ts";
import { NativeRuntime } from "../runtime/native/native-runtime.ts";
import { createSeccompCache } from "../runtime/native/seccomp-cache.ts";
import { readBootId, readHostFacts } from "../runtime/read-host-facts.ts";
import { LateWrites } from "../state/late-writes.ts";
import { openDatabase } from "../state/open-database.ts";
import { Reserve } from "../state/reserve.ts";
import { WriteBehind } from "../state/write-behind.ts";
import { openRuntimes } from "./open-runtimes.ts";
import type { Domains } from "./serve.ts";

/** Milliseconds since the machine was booted, suspended time included: the same for every process, and no clock change moves it. */
function readUptimeMs(): number {
  return Number.parseFloat(readFileSync("/proc/uptime", "latin1")) * 1_000;
}

/** For a few hundred records that change or go while the disk is full. */
const diskReserve = { bytes: 16 * 1024 ** 2, inodes: 32 } as const;

/**
 * Makes every domain of the real machine, each from those before it; the pods are recovered meanwhile.
 *
 * @throws whatever keeps the daemon from starting; what was opened until then is closed again.
 */
export async function openDomains(
  config: Config,
  host: {
    readonly kernel: Kernel;
    readonly clock: Clock;
    readonly log: Log;
    readonly version: string;
    /** Whether plain HTTP goes through a proxy. */
    readonly httpProxy: boolean;
  },
): Promise<Domains> {
  const { kernel, clock, log, httpProxy } = host;
  await using undo = new AsyncDisposableStack();
  const cgroups = openHostCgroups(kernel, clock, (text) => log.info({}, text));
  const hostFacts = readHostFacts(cgroups.mode);
  const lowered = hostFacts.rlimits.filter(({ hard }, i) => hard < (defaultRlimits[i]?.hard ?? 0));
  if (lowered.length > 0) {
    log.warn(
      { limits: lowered },
      "containers get lower limits than is usual: without CAP_SYS_RESOURCE none above the daemon's own",
    );
  }
  const defaultAppArmor = new DefaultAppArmor({
    enabled: hostFacts.apparmor,
    get wanted() {
      return config.runtime.apparmorDefaultProfile;
    },
    log,
  });
  const room = undo.use(new Reserve(config.root, diskReserve, { log, clock }));
  const database = undo.adopt(await openDatabase(config.root, { log, clock, room }), (opened) => opened.close());
  const late = undo.use(new LateWrites(clock, log));
  // Closed before `late`, which takes what is refused then.
  const behind = undo.use(new WriteBehind(database, clock, log));
  const images = undo.use(
    await createImages({
      root: config.root,
      database,
      kernel,
      bootId: readBootId(),
      config,
      log,
      clock,
      room,
      httpProxy,
    }),
  );
  const network = undo.adopt(createPodNetwork({ kernel, config, log, clock }), (opened) => opened.close());
  const monitor = readArtifact("crib-monitor");
  const monitorBuild = monitorBuildOf(monitor);
  const monitorExecutable = undo.adopt(kernel.sealedMemfd("crib-monitor", monitor), (fd) => kernel.close(fd));
  const lookExecutable = undo.adopt(kernel.sealedMemfd("crib-look", readArtifact("crib-look")), (fd) =>
    kernel.close(fd),
  );
  const pathLooker = undo.use(new PathLooker({ executable: lookExecutable, clock, log }));
  pathLooker.prepare();
  const native = new NativeRuntime({
    state: config.state,
    features: nativeFeatures(hostFacts),
    kernel,
    launcher: createMonitorLauncher({ kernel, monitorExecutable, monitorBuild, clock }),
    seccomp: createSeccompCache(kernel),
    cgroups,
    clock,
    log,
  });
  const pluginRegistry = new PluginRegistry(log);
  const runtimes = await openRuntimes(config, native, { kernel, cgroups, clock, log });
  undo.use(runtimes.shimEvents);
  const pods = undo.adopt(
    await createPods({
      config,
      olderSpecs,
      bootId: readBootId(),
      hostFacts,
      kernel,
      clock,
      log,
      images,
      network,
      plugins: pluginRegistry,
      cgroups,
      runtimes: runtimes.handlers,
      pathLooker,
      uptimeMs: readUptimeMs,
      defaultAppArmor,
      database,
      behind,
      late,
      room,
    }),
    (opened) => opened.close(),
  );

  await defaultAppArmor.ensure();
  const containers = new Set<string>(pods.containers().map(({ id }) => id));
  for (const holder of images.holders()) if (!containers.has(containerOfHolder(holder))) images.release(holder);
  // The node needs no image of ours: a disk without room for it must not keep the daemon from starting.
  await images
    .ensureBuiltinImage(readArtifact("hello"))
    .catch((error: unknown) => log.warn({ error: String(error) }, "the built-in image is not there: pull it later"));
  // Beside the first requests, which need none of it.
  void room.prepare();
  images.checkInBackground();
  images.collectGarbage().catch((error: unknown) => log.error({ err: error }, "garbage of a former run not collected"));

  const plugins = undo.use(
    new PluginService(pluginRegistry, pods.pluginHost, {
      get limits() {
        return { registrationMs: config.nri.registrationTimeoutMs, requestMs: config.nri.requestTimeoutMs };
      },
      get configDir() {
        return config.nri.configDir;
      },
      runtimeVersion: host.version,
      clock,
      log,
    }),
  );
  const opened = undo.move();
  const { recovered } = pods;
  return {
    pods,
    images,
    network,
    cgroups,
    hostFacts,
    recovered,
    plugins,
    reload: { images: (next) => images.prepareReload(next), handlers: runtimes.prepareReload },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
