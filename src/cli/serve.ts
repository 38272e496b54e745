import type { Command } from "commander";
import { type ConfigFlags, loadConfig } from "../config/load-config.ts";
import { readConfigFiles } from "../config/read-config-files.ts";
import { type Cli, examples, verb } from "./cli.ts";
import { collect } from "./parse/collect.ts";

interface ServeOptions extends ConfigFlags {
  readonly config?: string;
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
        ["crib serve --root /tmp/c/root --state /tmp/c/state --listen unix:///tmp/c/s", "a second, separate one"],
      ),
    )
    .action(
      verb<ServeOptions>(cli, (_args, options) => {
        const load = () => loadConfig({ files: readConfigFiles(options.config), flags: options });
        return cli.io.serve(load(), load);
      }),
    );
}
