import { Command, CommanderError } from "commander";
import { type Cli, withDaemonOptions } from "./cli.ts";
import type { CliIo } from "./cli-io.ts";
import { ExitCode } from "./exit-code.ts";
import { explainError } from "./explain-error.ts";
import { versionInfo } from "./version-info.ts";

const exitCodeHelp = `
Exit codes:
  0    done
  1    failed; the reason is on stderr
  2    the command line is wrong
  3    no daemon answers on the socket
  run and exec exit as the command in the container did, or with
  125  crib could not start it    126  it cannot be executed    127  it is not in the image`;

/** Adds a verb with its options and its work to the program. */
export type AddVerb = (program: Command, cli: Cli) => void;

/** A command line of these verbs over `cli.io`. They leave their exit code in `cli`. */
function createProgram(cli: Cli, verbs: readonly AddVerb[]): Command {
  const { io } = cli;
  const program = new Command("crib")
    .description("A Kubernetes node container engine in one executable.")
    .version(versionInfo.version, "-V, --version", "print the version and leave")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [verb]", "show the help of a verb")
    .enablePositionalOptions()
    .showHelpAfterError(false)
    .showSuggestionAfterError(true)
    .addHelpText("after", exitCodeHelp)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => Math.min(io.stdout.columns, 110),
      getErrHelpWidth: () => Math.min(io.stderr.columns, 110),
      getOutHasColors: () => io.stdout.color,
      getErrHasColors: () => io.stderr.color,
      outputError: (text, write) => write(`crib: ${usageError(text)}: see \`crib --help\`\n`),
    });
  withDaemonOptions(program);
  for (const add of verbs) add(program, cli);
  return program;
}

/**
 * Parses and runs one command line (without the executable's name) of these verbs, and returns the exit code. Never throws.
 * The daemon asks for its own verb alone: the others would stay in its memory.
 */
export async function runVerbs(argv: readonly string[], io: CliIo, verbs: readonly AddVerb[]): Promise<number> {
  const cli: Cli = { io, exitCode: ExitCode.ok };
  const program = createProgram(cli, verbs);
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync([...argv], { from: "user" });
    return cli.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    const { message, exitCode } = explainError(
      error,
      program.opts<{ address?: string }>().address ?? io.defaultAddress,
    );
    io.stderr.write(`crib: ${message}\n`);
    return exitCode;
  } finally {
    await io.stdout.flush();
    await io.stderr.flush();
  }
}

/** Commander's `error: unknown command 'sto'\n(Did you mean stop?)` on one line, in our words' case. */
function usageError(text: string): string {
  return text
    .trim()
    .replace(/^error: /, "")
    .replace(/\n\(Did/, " (did");
}
