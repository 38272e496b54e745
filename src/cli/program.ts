import { Command, CommanderError } from "commander";
import { addAttachVerb } from "./attach.ts";
import { type Cli, withDaemonOptions } from "./cli.ts";
import type { CliIo } from "./cli-io.ts";
import { addCompletionVerb } from "./completion.ts";
import { addConfigVerb } from "./config.ts";
import { addCpVerb } from "./cp.ts";
import { addDebugVerb } from "./debug.ts";
import { addDoctorVerb } from "./doctor.ts";
import { addEventsVerb } from "./events.ts";
import { addExecVerb } from "./exec.ts";
import { ExitCode } from "./exit-code.ts";
import { explainError } from "./explain-error.ts";
import { addImagesVerb } from "./images.ts";
import { addInspectVerb } from "./inspect.ts";
import { addInstallVerb } from "./install.ts";
import { addLogsVerb } from "./logs.ts";
import { addPodsVerb } from "./pods.ts";
import { addPortForwardVerb } from "./port-forward.ts";
import { addPsVerb } from "./ps.ts";
import { addPullVerb } from "./pull.ts";
import { addRmVerb } from "./rm.ts";
import { addRmiVerb } from "./rmi.ts";
import { addRunVerb } from "./run.ts";
import { addServeVerb } from "./serve.ts";
import { addStatsVerb } from "./stats.ts";
import { addStopVerb } from "./stop.ts";
import { addTopVerb } from "./top.ts";
import { addVersionVerb } from "./version.ts";
import { versionInfo } from "./version-info.ts";

const exitCodeHelp = `
Exit codes:
  0    done
  1    failed; the reason is on stderr
  2    the command line is wrong
  3    no daemon answers on the socket
  run and exec exit as the command in the container did, or with
  125  crib could not start it    126  it cannot be executed    127  it is not in the image`;

/** Verbs in the order of `crib --help`: what people reach for first comes first. */
const verbs = [
  addRunVerb,
  addPullVerb,
  addPsVerb,
  addPodsVerb,
  addImagesVerb,
  addExecVerb,
  addAttachVerb,
  addDebugVerb,
  addCpVerb,
  addPortForwardVerb,
  addLogsVerb,
  addStatsVerb,
  addTopVerb,
  addEventsVerb,
  addInspectVerb,
  addStopVerb,
  addRmVerb,
  addRmiVerb,
  addServeVerb,
  addInstallVerb,
  addDoctorVerb,
  addConfigVerb,
  addCompletionVerb,
  addVersionVerb,
] as const;

/** The whole command line over `cli.io`. Verbs leave their exit code in `cli`. */
export function createProgram(cli: Cli): Command {
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

/** Parses and runs one command line (without the executable's name) and returns the exit code. Never throws. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const cli: Cli = { io, exitCode: ExitCode.ok };
  const program = createProgram(cli);
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
