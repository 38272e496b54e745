import type { Command } from "commander";
import type { ReloadedSetting } from "../../gen/crib/v1/engine_pb.ts";
import { type Column, printTable } from "../format/table.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";
import { ExitCode } from "../program/exit-code.ts";

const columns: readonly Column<ReloadedSetting>[] = [
  { title: "SETTING", value: ({ key }) => key },
  { title: "OUTCOME", value: ({ outcome, why }) => (why === "" ? outcome.replace("-", " a ") : `${outcome}: ${why}`) },
];

/** `crib config reload`: what SIGHUP does, with an answer. */
export function addConfigReloadVerb(config: Command, cli: Cli): void {
  withDaemonOptions(config.command("reload"))
    .description("have the daemon read its configuration again; running pods do not notice")
    .option("--json", "print JSON: key, outcome and reason of each setting that has changed")
    .addHelpText(
      "after",
      examples(["crib config reload", "what `systemctl reload crib` does; exits 1 when something was not taken over"]),
    )
    .action(
      daemonVerb<{ readonly json?: true }>(cli, async (daemon, _args, { json }) => {
        const { settings } = await daemon.engine.reloadConfig({});
        if (json) {
          printJson(
            cli.io,
            settings.map(({ key, outcome, why }) => ({ key, outcome, why })),
          );
        } else if (settings.length === 0) cli.io.stdout.write("nothing differs from what holds already\n");
        else printTable(cli.io.stdout, columns, settings);
        return settings.some(({ outcome }) => outcome === "failed") ? ExitCode.failure : ExitCode.ok;
      }),
    );
}
