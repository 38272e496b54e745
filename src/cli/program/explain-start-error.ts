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

/** The same for a streaming session, which tells of the failed start in its last words. */
export function explainFailedStart(cli: Cli, message: string): number {
  cli.io.stderr.write(`crib: ${message}\n`);
  return execveExitCode(message);
}

/**
 * What execve said, by errno name (crib's init stage) or by text (runtimes of other engines). A message that is not about
 * the command's execution tells nothing.
 */
function execveExitCode(message: string): number {
  if (!/\bexec(?:ve)?\b/.test(message)) return ExitCode.engine;
  if (/\bENOENT\b|not found|no such file or directory/.test(message)) return ExitCode.commandNotFound;
  if (/\b(?:EACCES|ENOEXEC|EPERM|ENOTDIR|EISDIR)\b|permission denied|exec format error/.test(message))
    return ExitCode.cannotExecute;
  return ExitCode.engine;
}
