import type { Command } from "commander";
import { parseHostPath } from "../../ids/path.ts";
import { type Cli, examples, printJson, verb } from "../program/cli.ts";
import { applyInstall } from "./apply-install.ts";
import { planInstall } from "./install-plan.ts";

interface InstallOptions {
  readonly prefix: string;
  readonly dryRun?: true;
  readonly replaceContainerd?: true;
  readonly force?: true;
  readonly json?: true;
}

/** `crib install`: puts the executable, the systemd unit and the configuration where they belong. Starts nothing. */
export function addInstallVerb(program: Command, cli: Cli): void {
  program
    .command("install")
    .description("install this executable, its systemd unit and default configuration")
    .option("--prefix <dir>", "install below this directory instead, for packages and images", "/")
    .option("--replace-containerd", "also serve containerd's socket, so that kubelet and agents keep their flags")
    .option("--force", "replace configuration files that have been changed")
    .option("-n, --dry-run", "only say what would be done")
    .option("--json", "print JSON: path and action of each file")
    .addHelpText(
      "after",
      examples(
        ["crib install --dry-run", "what it would do"],
        ["crib install", "then: systemctl enable --now crib"],
        ["crib install --replace-containerd", "a node's engine in place of containerd"],
      ),
    )
    .action(
      verb<InstallOptions>(cli, (_args, options) => {
        const plan = planInstall({
          executable: cli.io.executable,
          replaceContainerd: options.replaceContainerd === true,
        });
        const done = applyInstall(plan, {
          prefix: parseHostPath(options.prefix, "prefix"),
          force: options.force === true,
          dryRun: options.dryRun === true,
        });
        if (options.json) {
          printJson(cli.io, done);
          return;
        }
        for (const { path, action } of done) cli.io.stdout.write(`${action.padEnd(9)}  ${path}\n`);
        if (done.some(({ action }) => action === "kept")) {
          cli.io.stdout.write(
            "\nkept files differ from what would be installed: compare with `crib config default`, replace with --force\n",
          );
        }
        cli.io.stdout.write(nextSteps(options.replaceContainerd === true));
      }),
    );
}

function nextSteps(replaceContainerd: boolean): string {
  const socket = replaceContainerd ? "unix:///run/containerd/containerd.sock" : "unix:///run/crib/crib.sock";
  const kubelet = replaceContainerd
    ? "keeps its flags"
    : `add --container-runtime-endpoint=${socket}, or containerRuntimeEndpoint in its configuration`;
  return `
Next:
  crib doctor                        what this host still needs
  systemctl daemon-reload
  ${replaceContainerd ? "systemctl disable --now containerd # drain the node first" : "systemctl stop containerd          # if it runs here; drain the node first"}
  systemctl enable --now crib
  crictl version                     reads /etc/crictl.yaml
  kubelet: ${kubelet}
`;
}
