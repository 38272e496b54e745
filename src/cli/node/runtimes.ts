import type { Command } from "commander";
import { type Runtime, RuntimeSchema } from "../../gen/crib/v1/engine_pb.ts";
import { printable } from "../format/printable.ts";
import { protoJson } from "../format/proto-json.ts";
import { type Column, printTable } from "../format/table.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";
import { ExitCode } from "../program/exit-code.ts";

interface RuntimesOptions {
  readonly quiet?: true;
  readonly json?: true;
}

/** `crib runtimes`: whom pods may ask for by name, each tried now. */
export function addRuntimesVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("runtimes"))
    .description("list the runtimes that pods may ask for by name; exits 1 when one cannot be called")
    .option("-q, --quiet", "print names only")
    .option("--json", "print JSON: name, type, program, version, features, problem and pods of each")
    .addHelpText(
      "after",
      examples(
        ["crib runtimes", "those of [runtime.handlers] in the daemon's configuration"],
        ["crib run --runtime runc crib.local/hello", "with one of them"],
      ),
    )
    .action(
      daemonVerb<RuntimesOptions>(cli, async (daemon, _args, options) => {
        const { runtimes } = await daemon.engine.listRuntimes({});
        if (options.json)
          printJson(
            cli.io,
            runtimes.map((runtime) => protoJson(RuntimeSchema, runtime)),
          );
        else if (options.quiet) cli.io.stdout.write(runtimes.map(({ name }) => `${name}\n`).join(""));
        else printRuntimes(cli, runtimes);
        return runtimes.some(({ problem }) => problem !== "") ? ExitCode.failure : ExitCode.ok;
      }),
    );
}

const columns: readonly Column<Runtime>[] = [
  { title: "NAME", value: (row) => (row.default ? `${row.name} (default)` : row.name) },
  { title: "TYPE", value: (row) => row.type },
  { title: "PROGRAM", value: (row) => row.program || "-" },
  { title: "VERSION", value: (row) => row.version || "-" },
  { title: "FEATURES", value: (row) => row.features.join(",") || "-" },
  { title: "PODS", value: (row) => String(row.pods), align: "right" },
];

function printRuntimes(cli: Cli, runtimes: readonly Runtime[]): void {
  printTable(cli.io.stdout, columns, runtimes);
  for (const { name, problem } of runtimes) {
    if (problem !== "") cli.io.stderr.write(`${name} cannot be used: ${printable(problem)}\n`);
  }
}
