/**
 * The composition root: the only place that reads the process's environment, arguments and signals, and the only one that
 * makes adapters. Everything else is given what it needs.
 */
import { createProcessIo } from "./cli/program/process-io.ts";
import { versionInfo } from "./cli/program/version-info.ts";
import type { Config } from "./config/config.ts";
import { createLinuxKernel } from "./kernel/linux/linux.ts";
import type { Kernel } from "./kernel/port.ts";
import { crashGuard } from "./main/crash-guard.ts";
import { environmentWithJitOptions } from "./main/jit-options.ts";
import { probeKernel } from "./main/probe-kernel.ts";
import { scrubEnvironment } from "./main/scrub-environment.ts";
import { createPinoLog } from "./observe/pino-log.ts";
import { createSystemClock } from "./observe/system-clock.ts";

const stderrFd = 2;

/** Where an executable made by `bun build --compile` finds its own code. */
const compiled = Bun.main.startsWith("/$bunfs/");

/** For the daemon alone: a command is over before anything would be compiled. */
const daemonEnvironment = environmentWithJitOptions(process.env);
const startsDaemon = process.argv[2] === "serve";
const cannotBeginAgain = compiled && startsDaemon ? beginAgain(daemonEnvironment) : undefined;
scrubEnvironment(process.env);
const clock = createSystemClock();

/** Loading the C library takes a moment that `crib ps` need not spend. */
let loadedKernel: Kernel | undefined;
function kernel(): Kernel {
  loadedKernel ??= createLinuxKernel();
  return loadedKernel;
}

/**
 * The same process, arguments and descriptors in another environment, if there is one to begin in. Before the rest of the
 * code is loaded, or the daemon would be ready that much later.
 *
 * @returns what went wrong: the daemon then goes on as it is.
 */
function beginAgain(env: Record<string, string> | undefined): unknown {
  try {
    if (env !== undefined) process.execve?.(process.execPath, [process.execPath, ...process.argv.slice(2)], env);
    return undefined;
  } catch (error) {
    return error;
  }
}

async function runDaemon(config: Config, reload: () => Config): Promise<number> {
  const [{ serve }, { openDomains }] = await Promise.all([import("./main/serve.ts"), import("./main/open-domains.ts")]);
  const log = createPinoLog(config.log, stderrFd);
  if (cannotBeginAgain !== undefined) {
    const consequence = "the options of the compiler are not set: the daemon takes more memory as it warms up";
    log.warn({ err: cannotBeginAgain }, consequence);
  }
  const httpProxy = [process.env["http_proxy"], process.env["HTTP_PROXY"]].some((proxy) => (proxy ?? "") !== "");
  const guard = crashGuard(log, clock, (code) => process.exit(code));
  process.on("uncaughtException", (error) => guard(error, "uncaughtException"));
  process.on("unhandledRejection", (reason) => guard(reason, "unhandledRejection"));
  const { promise: stopped, resolve: stop } = Promise.withResolvers<string>();
  // A second one ends the process at once: nothing is lost by that.
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop(signal));
  let onReload = (): void => undefined;
  process.on("SIGHUP", () => onReload());
  // By default these would end the process or open a debugger.
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const)
    process.on(signal, () => log.info({ signal }, "signal ignored"));

  process.umask(0o077);
  process.chdir("/");
  await serve(config, reload, {
    kernel: kernel(),
    clock,
    log,
    build: versionInfo,
    notifySocket: process.env["NOTIFY_SOCKET"],
    watchdog: { usec: process.env["WATCHDOG_USEC"], pid: process.env["WATCHDOG_PID"] },
    stopped,
    onReload: (listener) => {
      onReload = listener;
    },
    // The asynchronous kind needs a busy event loop to finish, and this is called when it is idle.
    collectGarbage: () => Bun.gc(true),
    openDomains: (opened) =>
      openDomains(opened, { kernel: kernel(), clock, log, version: versionInfo.version, httpProxy }),
  });
  return 0;
}

const io = createProcessIo({
  process,
  env: process.env,
  daemonEnv: daemonEnvironment ?? process.env,
  clock,
  selfCommand: compiled ? [process.execPath] : [process.execPath, Bun.main],
  serve: runDaemon,
  kernel,
  probe: (call) => probeKernel(kernel(), call),
});

/** Loaded here and not before: a daemon that begins again has no use for it, and one that goes on none for other verbs. */
async function runCommandLine(argv: readonly string[]): Promise<number> {
  if (startsDaemon) {
    const [{ runVerbs }, { addServeVerb }] = await Promise.all([
      import("./cli/program/run-verbs.ts"),
      import("./cli/node/serve.ts"),
    ]);
    return await runVerbs(argv, io, [addServeVerb]);
  }
  const { runCli } = await import("./cli/program/program.ts");
  return await runCli(argv, io);
}

// No top-level await: bytecode does not know it.
void runCommandLine(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));
