import type { Config } from "../config/config.ts";
import { servesContainerdApi } from "../config/containerd-api.ts";
import { RunningConfig } from "../config/running-config.ts";
import type { CriDeps } from "../cri/deps.ts";
import { createCriServer } from "../cri/transport/server.ts";
import type { UnixNanos } from "../ids/units.ts";
import type { Kernel } from "../kernel/port.ts";
import type { PluginService } from "../nri/plugin-service.ts";
import type { Clock } from "../observe/clock.ts";
import { LoopWatch } from "../observe/loop-watch.ts";
import type { AdjustableLog } from "../observe/pino-log.ts";
import { QuietMoments } from "../observe/quiet-moments.ts";
import { threadTimes } from "../observe/thread-times.ts";
import { readBootId } from "../runtime/read-host-facts.ts";
import { openStreamingServer } from "../streaming/streaming-server.ts";
import { type ClaimedSocket, claimSocket } from "./claim-socket.ts";
import { lockDirectory } from "./instance-lock.ts";
import { systemdNotifier } from "./notify-systemd.ts";
import { ConfigReload, type ReloadParts } from "./reload/config-reload.ts";
import { PluginSocket } from "./reload/plugin-socket.ts";
import { startWatchdog, type WatchdogVariables } from "./watchdog.ts";

/** What the daemon does its work with: made after the directories are its own, disposed of in the end. */
export interface Domains extends AsyncDisposable {
  readonly pods: CriDeps["pods"];
  readonly images: CriDeps["images"];
  readonly network: CriDeps["network"];
  readonly cgroups: CriDeps["cgroups"];
  readonly hostFacts: CriDeps["hostFacts"];
  /** Resolves when every pod has been looked at once. */
  readonly recovered: Promise<void>;
  /** Where plugins register, once it listens. */
  readonly plugins: Pick<PluginService, "listen" | "stop">;
  /** What of it takes a changed configuration over. */
  readonly reload: Pick<ReloadParts, "images" | "handlers">;
}

export interface ServeHost {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly log: AdjustableLog;
  readonly build: CriDeps["build"];
  /** systemd's NOTIFY_SOCKET, if it started us. */
  readonly notifySocket: string | undefined;
  /** systemd's WATCHDOG_USEC and WATCHDOG_PID, where the unit has a WatchdogSec. */
  readonly watchdog: WatchdogVariables;
  /** Resolves with the name of the signal that asks the daemon to end. */
  readonly stopped: Promise<string>;
  onReload(listener: () => void): void;
  /** Collects all garbage and hands free pages back; everything stands still for 15 to 45 ms. */
  collectGarbage(): void;
  openDomains(config: Config): Promise<Domains>;
}

/** Clients come at once when a daemon is back; what only they and the start needed is given back after both. */
const startUpRestMs = 1_500;

/** Dozens of pods are looked at within a fraction of this. */
const firstLookMs = 800;

/** What answers under way get to finish before connections are closed; systemd's own patience is 90 s. */
const stopGraceMs = 10_000;

/**
 * The daemon's life: alone in its directories, listen, recover what runs while it serves, until told to stop; then let go. Pods
 * run on without it.
 *
 * @param read reads the configuration anew, when it is told to reload.
 * @throws {CribError} failed-precondition when another daemon has the directories or a socket.
 */
export async function serve(initial: Config, read: () => Config, host: ServeHost): Promise<void> {
  const { kernel, clock, log } = host;
  const config = new RunningConfig(initial);
  const startedAtNs: UnixNanos = clock.now();
  const notify = systemdNotifier(kernel, host.notifySocket, log);
  log.debug({ limit: kernel.raiseOpenFileLimit() }, "open files");

  await using stack = new AsyncDisposableStack();
  const lockHost = { kernel, clock, bootId: readBootId() };
  const lock = stack.use(await lockDirectory(lockHost, config.state, "--state"));
  if (config.root !== config.state) stack.use(await lockDirectory(lockHost, config.root, "--root"));
  if (lock.tookOver)
    log.warn(
      { state: config.state },
      "the daemon before this one was killed and hangs in the kernel: taking its place",
    );
  const domains = stack.use(await host.openDomains(config));
  const { pods, images, network, cgroups, hostFacts } = domains;
  const pluginSocket = stack.use(new PluginSocket(domains.plugins, kernel, log));
  const reload = new ConfigReload(
    config,
    read,
    {
      ...domains.reload,
      log: (next) => () => log.setLevel(next.log.level),
      plugins: (next) => () => pluginSocket.moveTo(next.nri.socket),
    },
    log,
  );
  const quietMoments = stack.use(new QuietMoments(clock, log, () => giveMemoryBack(host)));
  const loopWatch = stack.use(new LoopWatch(clock, log, threadTimes));
  const streaming = stack.use(openStreamingServer({ config: config.streaming, pods, clock, log, quietMoments }));
  const server = createCriServer({
    config,
    build: host.build,
    clock,
    log,
    pods,
    images,
    network,
    streaming,
    cgroups,
    hostFacts,
    pid: kernel.getpid(),
    startedAtNs,
    quietMoments,
    loopWatch,
    reload: () => reload.run(),
  });
  stack.defer(() => server.close(stopGraceMs));
  const sockets: ClaimedSocket[] = [];
  for (const path of config.listen) sockets.push(stack.use(await claimSocket(kernel, path, lock.tookOver)));
  await firstLook(clock, domains.recovered);
  for (const socket of sockets) {
    await server.listen(socket, { containerdApi: servesContainerdApi(config, socket.path) });
  }

  if (config.nri.socket !== undefined) {
    // A node without its plugins is better than none.
    await pluginSocket
      .moveTo(config.nri.socket)
      .catch((error: unknown) =>
        log.error({ error: String(error) }, "plugins cannot connect: free the socket and restart"),
      );
  }
  // Why it failed is in the log already.
  host.onReload(() => void reload.run().catch(() => undefined));
  log.info({ version: host.build.version, root: config.root, state: config.state, listen: config.listen }, "ready");
  notify("READY=1");
  loopWatch.start();
  stack.use(startWatchdog(host.watchdog, { pid: kernel.getpid(), clock, log, notify }));
  const rest = new AbortController();
  stack.defer(() => rest.abort());
  // Under a crowd of clients that waits for its turn: a collection is 80 ms in which nobody is answered.
  clock
    .sleep(startUpRestMs, rest.signal)
    .then((isOver) => isOver && quietMoments.expect())
    .catch((error: unknown) => log.warn({ err: error }, "what the start needed stays in memory"));
  const signal = await host.stopped;
  log.info({ signal }, "stopping; pods run on");
  notify("STOPPING=1");
}

/**
 * The sockets are there and take connections; the first answers wait until every pod was looked at, or for a moment: what is
 * known of a pod whose monitor does not answer is its record.
 */
async function firstLook(clock: Clock, recovered: Promise<void>): Promise<void> {
  const looked = new AbortController();
  await Promise.race([recovered, clock.sleep(firstLookMs, looked.signal)]);
  looked.abort();
}

/** Two pieces of work with a turn of the loop between: together they would hold a client that comes meanwhile for 100 ms. */
async function giveMemoryBack({ kernel, log, collectGarbage }: ServeHost): Promise<void> {
  collectGarbage();
  await new Promise<void>((resolve) => void setImmediate(resolve));
  log.debug({ releasedKib: kernel.releaseCleanFilePages() }, "memory given back");
}
