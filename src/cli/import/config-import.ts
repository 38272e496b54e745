import { resolve } from "node:path";
import type { Command } from "commander";
import { invalidArgument } from "../../errors/crib-error.ts";
import { parseHostPath } from "../../ids/path.ts";
import { type Column, printTable } from "../format/table.ts";
import { type Cli, examples, printJson, verb } from "../program/cli.ts";
import type { CliIo } from "../program/cli-io.ts";
import { engines, type ImportResult, importFrom } from "./import-from.ts";
import { removeImported } from "./imported-files.ts";
import type { TakeoverRow } from "./takeover.ts";

interface ImportFlags {
  readonly from?: string;
  readonly prefix: string;
  readonly dryRun?: true;
  readonly undo?: true;
  readonly json?: true;
}

const columns: readonly Column<TakeoverRow>[] = [
  { title: "SETTING", value: ({ setting }) => setting },
  { title: "VALUE", value: ({ value }) => value },
  { title: "", value: ({ outcome }) => outcome },
  { title: "AS, OR WHY NOT", value: ({ note }) => note },
];

/** `crib config import containerd|crio`: what another engine was told, told to crib. */
export function addConfigImportVerb(config: Command, cli: Cli): void {
  config
    .command("import")
    .description("take over the configuration of another engine, and say what of it and what not")
    .argument("<engine>", "containerd or crio")
    .option("--from <file>", "its configuration file (default /etc/containerd/config.toml or /etc/crio/crio.conf)")
    .option("--prefix <dir>", "read and write below this directory instead", "/")
    .option("-n, --dry-run", "only say what would be done")
    .option("--undo", "remove what a former import wrote")
    .option("--json", "print JSON: files, and each setting with what became of it")
    .addHelpText(
      "after",
      examples(
        ["crib config import containerd --dry-run", "what crib would take over"],
        ["crib config import crio", "into /etc/crib/conf.d/20-imported.toml and /etc/crib/certs.d"],
        ["crib config import containerd --undo", "as if it had not been"],
      ),
    )
    .action(
      verb<ImportFlags>(cli, ([name], { from, prefix, dryRun, undo, json }) => {
        const engine = engines.find((known) => known === name);
        if (engine === undefined)
          throw invalidArgument(`engine ${JSON.stringify(name)} is none of ${engines.join(", ")}`);
        const below = parseHostPath(resolve(prefix), "prefix");
        const options = {
          from: from === undefined ? undefined : resolve(from),
          prefix: below,
          dryRun: dryRun === true,
        };
        const result =
          undo === true
            ? { read: [], rows: [], files: removeImported(below, options.dryRun) }
            : importFrom(engine, options);
        if (json) printJson(cli.io, result);
        else printImport(cli.io, result);
      }),
    );
}

/** As a person reads it. */
export function printImport(io: Pick<CliIo, "stdout">, { read, rows, files }: ImportResult): void {
  const { stdout } = io;
  if (read.length > 0) stdout.write(`read ${read.join(", ")}\n\n`);
  if (rows.length > 0) {
    printTable(stdout, columns, rows);
    stdout.write("\n");
  }
  for (const { path, action } of files) stdout.write(`${action.padEnd(9)}  ${path}\n`);
  if (files.length === 0) stdout.write("nothing to write: crib's defaults say the same\n");
}
