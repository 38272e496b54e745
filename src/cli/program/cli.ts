import type { Command } from "commander";
import { jsonText } from "../format/json-text.ts";
import { parseDuration } from "../parse/duration.ts";
import type { CliIo } from "./cli-io.ts";
import { connectDaemon, type DaemonClient } from "./client.ts";
import { ExitCode } from "./exit-code.ts";

/** One run of the command line: what the verbs share, and the exit code they leave. */
export interface Cli {
  readonly io: CliIo;
  exitCode: number;
}

/** Options that commander has parsed, before a verb narrows them. */
type Options = Readonly<Record<string, unknown>>;

/** A verb's work; what it returns is the exit code, nothing means success. */
export type VerbAction<Opts> = (
  args: readonly string[],
  options: Opts,
) => Promise<number | undefined> | number | undefined;

/** Commander calls back with the positional arguments, then options, then the command. */
export function verb<Opts extends object = Options>(cli: Cli, action: VerbAction<Opts>) {
  return async (...parameters: unknown[]): Promise<void> => {
    const command = parameters.at(-1) as Command;
    const args = (parameters.slice(0, -2) as (string | readonly string[] | undefined)[]).flat();
    const present = args.filter((argument) => argument !== undefined);
    cli.exitCode = (await action(present, command.optsWithGlobals<Opts>())) ?? ExitCode.ok;
  };
}

export interface DaemonOptions {
  readonly address?: string;
  readonly timeout?: string;
}

/** A verb that talks to the daemon: connected before it runs, disconnected after. */
export function daemonVerb<Opts extends object = Options>(
  cli: Cli,
  action: (daemon: DaemonClient, args: readonly string[], options: Opts & DaemonOptions) => Promise<number | undefined>,
) {
  return verb<Opts & DaemonOptions>(cli, async (args, options) => {
    using daemon = openDaemon(cli, options);
    return await action(daemon, args, options);
  });
}

export function openDaemon(cli: Cli, options: DaemonOptions): DaemonClient {
  return connectDaemon(
    addressOf(cli, options),
    options.timeout === undefined ? undefined : parseDuration(options.timeout),
  );
}

export function addressOf(cli: Cli, options: DaemonOptions): string {
  return options.address ?? cli.io.defaultAddress;
}

/** Declares the options every daemon verb takes; they may stand before or after the verb. */
export function withDaemonOptions(command: Command): Command {
  return command
    .option("--address <socket>", "unix socket of the daemon (environment: CRIB_ADDRESS, CONTAINER_RUNTIME_ENDPOINT)")
    .option("--timeout <duration>", "give up on a call after this long, such as 30s or 5m (default 2m)");
}

/** The examples at the end of a verb's help: what to type, and what it does. */
export function examples(...lines: readonly (readonly [command: string, effect: string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  return `\nExamples:\n${lines.map(([command, effect]) => `  ${command.padEnd(width)}  ${effect}`).join("\n")}`;
}

/** Prints `value` as JSON the way scripts like it: indented on a terminal, one line otherwise. */
export function printJson(io: CliIo, value: unknown): void {
  io.stdout.write(jsonText(value, io.stdout.isTerminal ? 2 : undefined));
}
