import type { Command } from "commander";
import { parseWholeNumber } from "../parse/whole-number.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "../program/cli.ts";
import { defaultCallTimeoutMs } from "../program/client.ts";
import { forEachWord } from "./for-each-word.ts";
import { resolvePodFirst } from "./resolve-target.ts";

interface StopOptions {
  readonly time: string;
}

const longestGraceSeconds = 86_400;

/** `crib stop`: containers by signal and grace, pods with all their containers and their network. */
export function addStopVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("stop"))
    .description("stop containers or pods")
    .argument("<target...>", "ids, id prefixes or names of containers or pods")
    .option("-t, --time <seconds>", "grace before SIGKILL, containers only; 0 kills at once", "10")
    .addHelpText(
      "after",
      examples(["crib stop web", "the pod or container called web"], ["crib stop -t 0 3f2a9c", "a container, at once"]),
    )
    .action(
      daemonVerb<StopOptions>(cli, async (daemon, words, options) => {
        const grace = parseWholeNumber(options.time, "grace time", 0, longestGraceSeconds);
        return await forEachWord(cli, daemon.address, words, async (word) => {
          const target = await resolvePodFirst(daemon, word);
          if (target.kind === "pod") await daemon.runtime.stopPodSandbox({ podSandboxId: target.id });
          else {
            await daemon.runtime.stopContainer(
              { containerId: target.id, timeout: BigInt(grace) },
              { timeoutMs: grace * 1000 + defaultCallTimeoutMs },
            );
          }
          cli.io.stdout.write(`stopped ${target.kind} ${target.id}\n`);
        });
      }),
    );
}
