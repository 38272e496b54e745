import type { Command } from "commander";
import { type ConfigFlags, loadConfig } from "../../config/load-config.ts";
import { readConfigFiles } from "../../config/read-config-files.ts";
import { collect } from "../parse/collect.ts";
import { parseConfigSetting } from "../parse/config-setting.ts";
import { type Cli, examples, verb } from "../program/cli.ts";

interface ServeOptions extends ConfigFlags {
  readonly config?: string;
  readonly set?: readonly string[];
}

/** `crib serve`: the daemon, in the foreground, until SIGTERM. Containers go on without it. */
export function addServeVerb(program: Command, cli: Cli): void {
  program
    .command("serve")
    .description("run the daemon in the foreground")
    .option("--config <file>", "configuration file (default /etc/crib/config.toml, then conf.d/*.toml)")
    .option("--root <dir>", "what survives a reboot: images, records, writable layers (default /var/lib/crib)")
    .option("--state <dir>", "what does not: sockets, namespaces, exit records (default /run/crib)")
    .option(
      "--listen <socket>",
      "unix socket to serve; repeat for several (default unix:///run/crib/crib.sock)",
      collect,
    )
    .option("--set <key=value>", "one setting over those of the files; repeat for several", collect)
    .option("--log-level <level>", "trace, debug, info, warn or error")
    .option("--log-format <format>", "text or json")
    .addHelpText(
      "after",
      examples(
        ["crib serve", "with the node's configuration"],
        [
          "crib serve --listen unix:///run/crib/crib.sock --listen unix:///run/containerd/containerd.sock",
          "in containerd's place",
        ],
        [
          "crib serve --root /tmp/c/root --state /tmp/c/state --set network.bridge=crib1 --set network.subnet=10.89.0.0/16",
          "a second, separate one",
        ],
      ),
    )
    .action(
      verb<ServeOptions>(cli, (_args, options) => {
        const settings = (options.set ?? []).map(parseConfigSetting);
        const load = () => loadConfig({ files: [...readConfigFiles(options.config), ...settings], flags: options });
        return cli.io.serve(load(), load);
      }),
    );
}
