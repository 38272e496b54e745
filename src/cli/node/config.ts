import type { Command } from "commander";
import { loadConfig } from "../../config/load-config.ts";
import { defaultConfigPath, readConfigFiles } from "../../config/read-config-files.ts";
import { jsonText } from "../format/json-text.ts";
import { addConfigImportVerb } from "../import/config-import.ts";
import { packagedFiles } from "../install/packaged-files.ts";
import { type Cli, examples, verb } from "../program/cli.ts";
import { addConfigReloadVerb } from "./config-reload.ts";

interface ConfigOptions {
  readonly config?: string;
}

/** `crib config`: what may be configured, what is, and whether it is understood. */
export function addConfigVerb(program: Command, cli: Cli): void {
  const config = program.command("config").description("print, check, reload or import the configuration");
  config.addHelpText(
    "after",
    examples(
      ["crib config default > /etc/crib/config.toml", "a commented file to begin with"],
      ["crib config show | jq .network", "what is in force"],
      ["crib config check", "before a restart; exits 2 when something is not understood"],
      ["crib config reload", "the daemon takes over what can change while it runs, and names the rest"],
      ["crib config import containerd --dry-run", "what of another engine's configuration crib can take over"],
    ),
  );
  config
    .command("default")
    .description("print the default configuration file, every key with its comment")
    .action(
      verb(cli, () => {
        cli.io.stdout.write(packagedFiles.config);
      }),
    );
  config
    .command("show")
    .description("print the configuration in force as JSON")
    .option("--config <file>", `configuration file (default ${defaultConfigPath})`)
    .action(
      verb<ConfigOptions>(cli, (_args, options) => {
        const loaded = loadConfig({ files: readConfigFiles(options.config), flags: {} });
        cli.io.stdout.write(jsonText(loaded, 2));
      }),
    );
  config
    .command("check")
    .description("say whether the configuration is understood")
    .option("--config <file>", `configuration file (default ${defaultConfigPath})`)
    .action(
      verb<ConfigOptions>(cli, (_args, options) => {
        const files = readConfigFiles(options.config);
        loadConfig({ files, flags: {} });
        const names = files.map((file) => file.path).join(", ");
        cli.io.stdout.write(`configuration is right: ${names || "no file, defaults only"}\n`);
      }),
    );
  addConfigReloadVerb(config, cli);
  addConfigImportVerb(config, cli);
}
