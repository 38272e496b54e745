import type { Command } from "commander";
import { type Cli, examples, openDaemon, printJson, verb } from "../program/cli.ts";
import { versionInfo } from "../program/version-info.ts";

interface VersionOptions {
  readonly json?: true;
  readonly client?: true;
  readonly address?: string;
  readonly timeout?: string;
}

/** `crib version`: this executable, and the daemon when one answers. Works without a daemon. */
export function addVersionVerb(program: Command, cli: Cli): void {
  program
    .command("version")
    .description("print versions of this executable, its specifications and the daemon")
    .option("--client", "do not ask the daemon")
    .option("--json", "print JSON")
    .option("--address <socket>", "unix socket of the daemon to ask")
    .addHelpText(
      "after",
      examples(["crib version", "for people"], ["crib version --json | jq -r .revision", "for scripts"]),
    )
    .action(
      verb<VersionOptions>(cli, async (_args, options) => {
        const daemon = options.client ? undefined : await daemonVersion(cli, options);
        if (options.json) {
          printJson(cli.io, { ...versionInfo, daemon: daemon ?? null });
          return;
        }
        const { specs } = versionInfo;
        cli.io.stdout.write(
          `crib ${versionInfo.version} (${versionInfo.revision}), Bun ${versionInfo.bun}\n` +
            `CRI ${specs.cri}, OCI runtime ${specs.ociRuntime}, image ${specs.ociImage}, distribution ${specs.ociDistribution}, CNI ${specs.cni}\n` +
            (daemon ? `daemon: ${daemon.name} ${daemon.version} (CRI ${daemon.cri})\n` : ""),
        );
      }),
    );
}

interface DaemonVersion {
  readonly name: string;
  readonly version: string;
  readonly cri: string;
}

/** Any failure means "no daemon to tell of": this verb must work on a machine without one. */
async function daemonVersion(cli: Cli, options: VersionOptions): Promise<DaemonVersion | undefined> {
  using daemon = openDaemon(cli, options);
  try {
    const answer = await daemon.runtime.version({}, { timeoutMs: 2000 });
    return { name: answer.runtimeName, version: answer.runtimeVersion, cri: answer.runtimeApiVersion };
  } catch {
    return undefined;
  }
}
