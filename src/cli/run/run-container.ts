import { rmSync } from "node:fs";
import { failedPrecondition } from "../../errors/crib-error.ts";
import { ContainerState, type ContainerStatus, NamespaceMode } from "../../gen/runtime/v1/api_pb.ts";
import { readLog } from "../../logs/read-log.ts";
import type { Cli } from "../cli.ts";
import type { DaemonClient } from "../client.ts";
import { ExitCode } from "../exit-code.ts";
import { explainError } from "../explain-error.ts";
import { explainStartError } from "../explain-start-error.ts";
import { LogPrinter } from "../log-printer.ts";
import { presentImage } from "../present-image.ts";
import { joinStarted } from "../session/join-started.ts";
import { runSession } from "../session/run-session.ts";
import { waitForExit } from "../wait-for-exit.ts";
import type { Interrupts } from "./interrupts.ts";
import { logDirectoryOf, type PodIdentity, podIdentity } from "./pod-identity.ts";
import type { RunWanted } from "./run-flags.ts";

const containerLog = "0.log";
/** What a container gets to end by itself after the first Ctrl-C. */
const graceSeconds = 10n;

/**
 * Runs one container to its end through the CRI, as the kubelet would: pod, image, container, log, exit, removal.
 * The pod comes before the pull so that a private daemon knows it is in use (see `private-daemon.ts`).
 *
 * @returns the exit code for the shell. Whatever happens, what was made is removed, unless `keep` or `detach` says otherwise.
 */
export async function runContainer(
  cli: Cli,
  daemon: DaemonClient,
  wanted: RunWanted,
  interrupts: Interrupts,
): Promise<number> {
  if (interrupts.first.aborted) return ExitCode.interrupted;
  await using undo = new AsyncDisposableStack();
  const identity = podIdentity(wanted, cli.io.processRef);
  const logDirectory = logDirectoryOf(identity);
  const podConfig = {
    ...wanted.pod,
    ...identity,
    logDirectory,
    hostname: wanted.pod.hostname || defaultHostname(wanted, identity),
  };

  let containerId: string;
  try {
    const { podSandboxId } = await daemon.runtime.runPodSandbox({ config: podConfig });
    undo.defer(() => removePod(cli, daemon, podSandboxId, logDirectory));
    const image = await presentImage(cli.io, daemon, wanted.image, { silent: wanted.quiet, signal: interrupts.first });
    const created = await daemon.runtime.createContainer({
      podSandboxId,
      config: {
        ...wanted.container,
        metadata: { name: identity.metadata.name },
        image: { image, userSpecifiedImage: wanted.image },
        logPath: containerLog,
      },
      sandboxConfig: podConfig,
    });
    containerId = created.containerId;
    if (interrupts.first.aborted) return ExitCode.interrupted;
    await daemon.runtime.startContainer({ containerId });
  } catch (error) {
    if (interrupts.first.aborted) return ExitCode.interrupted;
    return explainStartError(cli, daemon.address, error);
  }
  if (wanted.detach) {
    undo.move();
    cli.io.stdout.write(`${containerId}\n`);
    return ExitCode.ok;
  }

  interrupts.forward(
    () => daemon.runtime.stopContainer({ containerId, timeout: graceSeconds }),
    () => daemon.runtime.stopContainer({ containerId, timeout: 0n }),
  );
  const logPath = `${logDirectory}/${containerLog}`;
  const shown = wanted.tty
    ? await joinUntilExit(cli, daemon, containerId, logPath, wanted)
    : await showUntilExit(cli, daemon, containerId, logPath, wanted.stdin);
  if (wanted.keep) undo.move();
  if (shown === "detached") return ExitCode.ok;
  const status = shown;
  if (status === undefined)
    throw failedPrecondition(`container ${containerId} was removed while it ran: nobody knows its exit code`);
  if (status.reason === "OOMKilled")
    cli.io.stderr.write("crib: the container ran out of memory: allow more with --memory\n");
  return status.exitCode;
}

/** A pod on the host's network has the host's name. */
function defaultHostname({ pod }: RunWanted, { metadata }: PodIdentity): string {
  return pod.linux?.securityContext?.namespaceOptions?.network === NamespaceMode.NODE ? "" : metadata.name;
}

/** Our terminal is the container's until it has ended; one that is kept may be left running. */
async function joinUntilExit(
  cli: Cli,
  daemon: DaemonClient,
  containerId: string,
  logPath: string,
  { stdin, keep }: RunWanted,
): Promise<ContainerStatus | undefined | "detached"> {
  const ended = new AbortController();
  const exit = waitForExit(daemon, cli.io.clock, containerId, ended.signal);
  try {
    const outcome = await joinStarted(cli, daemon, {
      containerId,
      logPath,
      stdin,
      detachable: keep,
      signal: ended.signal,
    });
    return outcome.kind === "detached" ? "detached" : await exit;
  } catch (error) {
    // It may have ended before we came to join it: then its log says all.
    if (!(await hasEnded(daemon, containerId))) throw error;
    return await showUntilExit(cli, daemon, containerId, logPath, false);
  } finally {
    ended.abort();
    await exit;
  }
}

async function hasEnded(daemon: DaemonClient, containerId: string): Promise<boolean> {
  const { status } = await daemon.runtime.containerStatus({ containerId });
  return status?.state === ContainerState.CONTAINER_EXITED;
}

/**
 * Copies the log as it is written, until the container has ended and all of it is shown. Input goes another way than
 * output: the log has every byte from the first on, an attachment only those from then on.
 */
async function showUntilExit(
  cli: Cli,
  daemon: DaemonClient,
  containerId: string,
  logPath: string,
  stdin: boolean,
): Promise<ContainerStatus | undefined> {
  const ended = new AbortController();
  // Looked at when the output has been shown; until then a failure must not count as one that nobody handles.
  const feeding = Promise.allSettled(stdin ? [feed(cli, daemon, containerId, ended.signal)] : []);
  const exit = waitForExit(daemon, cli.io.clock, containerId, new AbortController().signal).finally(() =>
    ended.abort(),
  );
  const printer = new LogPrinter(cli.io, { sinceNs: undefined, timestamps: false });
  for await (const lines of readLog(logPath, cli.io.clock, { tail: undefined, follow: ended.signal }))
    await printer.print(lines);
  const status = await exit;
  const [fed] = await feeding;
  if (fed?.status === "rejected") throw fed.reason;
  return status;
}

/** Our standard input to the container's, until either ends. */
async function feed(cli: Cli, daemon: DaemonClient, containerId: string, signal: AbortSignal): Promise<void> {
  try {
    const { url } = await daemon.runtime.attach({ containerId, stdin: true, tty: false, stdout: false, stderr: false });
    await runSession(cli.io, url, { stdin: true, tty: false, detachable: false, signal });
  } catch (error) {
    if (!(await hasEnded(daemon, containerId))) throw error;
  }
}

/** The end of a run tells of its failures but does not change the container's exit code. */
async function removePod(cli: Cli, daemon: DaemonClient, podSandboxId: string, logDirectory: string): Promise<void> {
  try {
    await daemon.runtime.stopPodSandbox({ podSandboxId });
    await daemon.runtime.removePodSandbox({ podSandboxId });
    rmSync(logDirectory, { recursive: true, force: true });
  } catch (error) {
    cli.io.stderr.write(
      `crib: cannot remove pod ${podSandboxId}: ${explainError(error, daemon.address).message}: try \`crib rm -f\`\n`,
    );
  }
}
