import type { Command } from "commander";
import { failedPrecondition } from "../../errors/crib-error.ts";
import { ContainerState, PodSandboxState } from "../../gen/runtime/v1/api_pb.ts";
import { shortId } from "../format/short-id.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";
import { forEachWord } from "./for-each-word.ts";
import { resolvePodFirst, type Target } from "./resolve-target.ts";

interface RmOptions {
  readonly force?: true;
}

/** `crib rm`: removes ended containers and stopped pods; with --force, whatever state they are in. */
export function addRmVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("rm"))
    .description("remove containers or pods")
    .argument("<target...>", "ids, id prefixes or names of containers or pods")
    .option("-f, --force", "also when it runs: it is stopped first")
    .addHelpText(
      "after",
      examples(
        ["crib rm web", "an ended container or a stopped pod"],
        ["crib rm -f $(crib pods -q)", "everything on this node"],
      ),
    )
    .action(
      daemonVerb<RmOptions>(cli, async (daemon, words, options) =>
        forEachWord(cli, daemon.address, words, async (word) => {
          const target = await resolvePodFirst(daemon, word);
          if (!options.force) refuseLive(target);
          await remove(daemon, target);
          cli.io.stdout.write(`removed ${target.kind} ${target.id}\n`);
        }),
      ),
    );
}

function refuseLive(target: Target): void {
  const live =
    target.kind === "pod"
      ? target.pod.state === PodSandboxState.SANDBOX_READY
      : target.container.state === ContainerState.CONTAINER_RUNNING;
  if (live) {
    const id = shortId(target.id);
    throw failedPrecondition(
      `${target.kind} ${id} is running: \`crib stop ${id}\` it first, or use \`crib rm --force\``,
    );
  }
}

async function remove(daemon: DaemonClient, target: Target): Promise<void> {
  switch (target.kind) {
    case "container":
      await daemon.runtime.removeContainer({ containerId: target.id });
      return;
    case "pod":
      await daemon.runtime.stopPodSandbox({ podSandboxId: target.id });
      await daemon.runtime.removePodSandbox({ podSandboxId: target.id });
      return;
  }
}
