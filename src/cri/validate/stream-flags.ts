import { invalidArgument } from "../../errors/crib-error.ts";

/**
 * What exec and attach may carry: something, and no stderr of its own next to a terminal, which has one output only.
 *
 * @throws {CribError} invalid-argument
 */
export function checkStreamFlags(request: {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}): void {
  if (!request.stdin && !request.stdout && !request.stderr) {
    throw invalidArgument("one of stdin, stdout and stderr must be true");
  }
  if (request.tty && request.stderr)
    throw invalidArgument("tty and stderr cannot both be true: a terminal has one output");
}
