import { resolve } from "node:path";
import type { Command } from "commander";
import { invalidArgument } from "../../errors/crib-error.ts";
import { type HostPath, parseHostPath } from "../../ids/path.ts";
import { printImport } from "../import/config-import.ts";
import { containerdAddress } from "../import/containerd/read-containerd.ts";
import { importFrom } from "../import/import-from.ts";
import { removeImported } from "../import/imported-files.ts";
import { type Cli, examples, printJson, verb } from "../program/cli.ts";
import { applyInstall } from "./apply-install.ts";
import { containerdSocket, planInstall } from "./install-plan.ts";
import { undoInstall } from "./undo-install.ts";

interface InstallFlags {
  readonly prefix: string;
  readonly dryRun?: true;
  readonly replaceContainerd?: true;
  readonly undo?: true;
  readonly force?: true;
  readonly json?: true;
}

/** `crib install`: puts the executable, the systemd unit and the configuration where they belong. Starts nothing. */
export function addInstallVerb(program: Command, cli: Cli): void {
  program
    .command("install")
    .description("install this executable, its systemd unit and default configuration")
    .option("--prefix <dir>", "install below this directory instead, for packages and images", "/")
    .option(
      "--replace-containerd",
      "also serve containerd's socket and take over its configuration, so that kubelet and agents keep their flags",
    )
    .option("--undo", "take an installation back: what was there before is restored, what was changed since is kept")
    .option("--force", "replace configuration files that have been changed; what was there is kept beside them")
    .option("-n, --dry-run", "only say what would be done")
    .option("--json", "print JSON: path and action of each file")
    .addHelpText(
      "after",
      examples(
        ["crib install --dry-run", "what it would do"],
        ["crib install", "then: systemctl enable --now crib"],
        ["crib install --replace-containerd", "a node's engine in place of containerd"],
        ["crib install --undo", "back to containerd: the node as it was"],
      ),
    )
    .action(
      verb<InstallFlags>(cli, (_args, flags) => {
        const prefix = parseHostPath(resolve(flags.prefix), "prefix");
        if (flags.undo !== true) install(cli, prefix, flags);
        else if (flags.force === true) throw invalidArgument("--undo knows no --force: what was changed since is kept");
        else undo(cli, prefix, flags);
      }),
    );
}

function install(cli: Cli, prefix: HostPath, flags: InstallFlags): void {
  const { stdout } = cli.io;
  const replaces = flags.replaceContainerd === true;
  const dryRun = flags.dryRun === true;
  // First, so that a configuration that cannot be read leaves the node as it was.
  const imported = replaces ? importFrom("containerd", { from: undefined, prefix, dryRun }) : undefined;
  const plan = planInstall({
    executable: cli.io.executable,
    replacedSocket: replaces ? (containerdAddress(prefix) ?? containerdSocket) : undefined,
  });
  const done = applyInstall(plan, { prefix, force: flags.force === true, dryRun });
  if (flags.json) {
    printJson(cli.io, [...done, ...(imported?.files ?? [])]);
    return;
  }
  for (const { path, action } of done) stdout.write(`${action.padEnd(9)}  ${path}\n`);
  if (done.some(({ action }) => action === "kept")) {
    stdout.write(
      "\nkept files differ from what would be installed: compare with `crib config default`, replace with --force\n",
    );
  }
  if (imported !== undefined) {
    stdout.write("\nOf containerd's configuration:\n");
    printImport(cli.io, imported);
  }
  stdout.write(nextSteps(replaces));
}

function undo(cli: Cli, prefix: HostPath, flags: InstallFlags): void {
  const dryRun = flags.dryRun === true;
  const plan = planInstall({
    executable: cli.io.executable,
    replacedSocket: containerdAddress(prefix) ?? containerdSocket,
  });
  const undone = [...undoInstall(plan, { prefix, dryRun }), ...removeImported(prefix, dryRun)];
  if (flags.json) {
    printJson(cli.io, undone);
    return;
  }
  for (const { path, action } of undone) cli.io.stdout.write(`${action.padEnd(9)}  ${path}\n`);
  if (undone.length === 0) cli.io.stdout.write("nothing of an installation is there\n");
  cli.io.stdout.write(backSteps);
}

const backSteps = `
Next, with the node drained:
  crib rm --force $(crib pods -q)    pods of crib's that are left
  systemctl stop crib
  systemctl daemon-reload
  systemctl enable --now containerd
  /usr/local/bin/crib and /var/lib/crib stay until you remove them
`;

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
