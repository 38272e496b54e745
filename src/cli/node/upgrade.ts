import type { Command } from "commander";
import { invalidArgument } from "../../errors/crib-error.ts";
import { printable } from "../format/printable.ts";
import { shortId } from "../format/short-id.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "../program/cli.ts";
import { noTimeout } from "../program/client.ts";
import { ExitCode } from "../program/exit-code.ts";

interface UpgradeOptions {
  readonly monitors?: true;
}

/** `crib upgrade --monitors`: the monitors of running pods go on in the daemon's executable. */
export function addUpgradeVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("upgrade"))
    .description("have running pods go on with what the daemon brings; ends no container")
    .argument("[pod...]", "ids or id prefixes; without any, every pod whose monitor is another")
    .option("--monitors", "their monitors")
    .addHelpText(
      "after",
      examples(
        ["crib upgrade --monitors", "after the daemon was upgraded"],
        ["crib upgrade --monitors 3f2a", "one pod's, to begin with"],
      ),
    )
    .action(
      daemonVerb<UpgradeOptions>(cli, async (daemon, pods, options) => {
        if (options.monitors === undefined) throw invalidArgument("say what to upgrade: --monitors");
        const { monitors } = await daemon.engine.renewMonitors({ podSandboxIds: [...pods] }, { timeoutMs: noTimeout });
        for (const { podSandboxId, build, failure } of monitors) {
          if (failure === "") cli.io.stdout.write(`${shortId(podSandboxId)} runs ${build}\n`);
          else cli.io.stderr.write(`${shortId(podSandboxId)} was not renewed: ${printable(failure)}\n`);
        }
        if (monitors.length === 0) cli.io.stdout.write("every monitor runs the daemon's executable already\n");
        return monitors.some(({ failure }) => failure !== "") ? ExitCode.failure : ExitCode.ok;
      }),
    );
}
