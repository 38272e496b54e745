import { ConnectError } from "@connectrpc/connect";
import type { Cli } from "./cli.ts";
import { ExitCode } from "./exit-code.ts";
import { explainError } from "./explain-error.ts";

/**
 * Tells why a command was not started and picks the code a shell would: 127 when it is not there, 126 when it cannot
 * be executed, 125 for everything that is not about the command.
 */
export function explainStartError(cli: Cli, address: string, error: unknown): number {
  const { message, exitCode } = explainError(error, address);
  cli.io.stderr.write(`crib: ${message}\n`);
  if (exitCode === ExitCode.unreachable) return exitCode;
  return error instanceof ConnectError ? execveExitCode(error.rawMessage) : ExitCode.engine;
}

/** The init stage names the failed step `exec` or `execve` and the errno; see `runtime/plan`. */
function execveExitCode(message: string): number {
  if (!/\bexecv?e?\b/.test(message)) return ExitCode.engine;
  if (/\bENOENT\b|not found/.test(message)) return ExitCode.commandNotFound;
  if (/\b(?:EACCES|ENOEXEC|EPERM|ENOTDIR|EISDIR)\b/.test(message)) return ExitCode.cannotExecute;
  return ExitCode.engine;
}
