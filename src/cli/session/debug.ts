import { rmSync } from "node:fs";
import type { Command } from "commander";
import { failedPrecondition, notFound } from "../../errors/crib-error.ts";
import { type Container, ContainerState, NamespaceMode } from "../../gen/runtime/v1/api_pb.ts";
import { presentImage } from "../images/present-image.ts";
import { followContainer } from "../pods/follow-container.ts";
import { resolveTarget } from "../pods/resolve-target.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";
import { ExitCode } from "../program/exit-code.ts";
import { explainStartError } from "../program/explain-start-error.ts";
import { interruptSignal } from "../program/interrupt-signal.ts";

interface DebugOptions {
  readonly image: string;
  readonly privileged?: true;
}

const defaultImage = "docker.io/library/busybox:latest";
/** What `sh` gets to hang up on its children. */
const stopGraceSeconds = 1n;

/** `crib debug`: a shell with tools beside a container that has none. */
export function addDebugVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("debug"))
    .description("open a shell with tools in the namespaces of a pod or container; it is gone when you leave")
    .argument("<target>", "a container, or a pod: then the one container that runs in it")
    .argument("[command...]", "what to run instead of sh")
    .option("--image <reference>", "where the tools come from", defaultImage)
    .option("--privileged", "all capabilities and devices; only in a privileged pod")
    .passThroughOptions()
    .addHelpText(
      "after",
      `${examples(
        ["crib debug web", "ps shows the container's processes, ip and wget its network"],
        ["crib debug web ls /proc/1/root/", "the container's files"],
        ["crib debug --image docker.io/library/alpine web", "with other tools"],
      )}

The shell shares the container's network, IPC and process namespaces; its files are below /proc/1/root.`,
    )
    .action(
      daemonVerb<DebugOptions>(cli, async (daemon, [word = "", ...command], options) => {
        if (!cli.io.stdin.isTerminal) throw failedPrecondition("debug needs a terminal: use `crib exec` in scripts");
        const target = await runningContainer(daemon, word);
        await using undo = new AsyncDisposableStack();
        using interrupt = interruptSignal(cli.io);
        try {
          const image = await presentImage(cli.io, daemon, options.image, { silent: false, signal: interrupt.signal });
          const name = `debug-${crypto.randomUUID().slice(0, 8)}`;
          const { containerId } = await daemon.runtime.createContainer({
            podSandboxId: target.podSandboxId,
            config: {
              metadata: { name },
              image: { image, userSpecifiedImage: options.image },
              command: command.length === 0 ? ["sh"] : [...command],
              logPath: `${name}.log`,
              tty: true,
              stdin: true,
              stdinOnce: true,
              linux: {
                securityContext: {
                  privileged: options.privileged === true,
                  capabilities: { addCapabilities: ["SYS_PTRACE"] },
                  namespaceOptions: {
                    network: NamespaceMode.POD,
                    ipc: NamespaceMode.POD,
                    pid: NamespaceMode.TARGET,
                    targetId: target.id,
                  },
                },
              },
            },
            sandboxConfig: await sandboxConfigOf(daemon, target.podSandboxId),
          });
          const { status: created } = await daemon.runtime.containerStatus({ containerId });
          // Empty where the pod has no log directory: then only what comes after we joined is seen.
          const logPath = created?.logPath ?? "";
          undo.defer(async () => {
            await daemon.runtime.stopContainer({ containerId, timeout: stopGraceSeconds });
            await daemon.runtime.removeContainer({ containerId });
            if (logPath !== "") rmSync(logPath, { force: true });
          });
          await daemon.runtime.startContainer({ containerId });
          const status = await followContainer(cli, daemon, {
            containerId,
            logPath,
            tty: true,
            stdin: true,
            detachable: false,
          });
          return status === "detached" ? ExitCode.ok : (status?.exitCode ?? ExitCode.failure);
        } catch (error) {
          return explainStartError(cli, daemon.address, error);
        }
      }),
    );
}

async function runningContainer(daemon: DaemonClient, word: string): Promise<Container> {
  const target = await resolveTarget(daemon, word);
  if (target.kind === "container") {
    if (target.container.state !== ContainerState.CONTAINER_RUNNING)
      throw failedPrecondition(`container ${target.id} does not run: there is nothing to look into`);
    return target.container;
  }
  const { containers } = await daemon.runtime.listContainers({
    filter: { podSandboxId: target.id, state: { state: ContainerState.CONTAINER_RUNNING } },
  });
  const [only, ...others] = containers;
  if (only === undefined) throw notFound("running container in pod", target.id);
  if (others.length > 0) {
    const names = containers.map(({ metadata }) => `${target.pod.metadata?.name}/${metadata?.name}`).join(", ");
    throw failedPrecondition(`pod ${target.id} runs ${names}: say which`);
  }
  return only;
}

/** CreateContainer wants the pod's configuration again; what of it matters here is who the pod is. */
async function sandboxConfigOf(daemon: DaemonClient, podSandboxId: string) {
  const { status } = await daemon.runtime.podSandboxStatus({ podSandboxId });
  if (status?.metadata === undefined) throw notFound("pod", podSandboxId);
  return { metadata: status.metadata, labels: status.labels, annotations: status.annotations };
}
