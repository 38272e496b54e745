import { rmSync } from "node:fs";
import { failedPrecondition } from "../../errors/crib-error.ts";
import { NamespaceMode } from "../../gen/runtime/v1/api_pb.ts";
import { presentImage } from "../images/present-image.ts";
import { followContainer } from "../pods/follow-container.ts";
import type { Cli } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";
import { ExitCode } from "../program/exit-code.ts";
import { explainError } from "../program/explain-error.ts";
import { explainStartError } from "../program/explain-start-error.ts";
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
    const { podSandboxId } = await daemon.runtime.runPodSandbox({
      config: podConfig,
      runtimeHandler: wanted.runtime,
    });
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
  const status = await followContainer(cli, daemon, {
    containerId,
    logPath: `${logDirectory}/${containerLog}`,
    tty: wanted.tty,
    stdin: wanted.stdin,
    detachable: wanted.keep,
  });
  if (wanted.keep) undo.move();
  if (status === "detached") return ExitCode.ok;
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
