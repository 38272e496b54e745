import { Code, ConnectError } from "@connectrpc/connect";
import { CribError } from "../../errors/crib-error.ts";
import { printable } from "../format/printable.ts";
import { ExitCode } from "./exit-code.ts";

export interface Explanation {
  /** One line for stderr, without the `crib: ` in front; ends with what to do where there is something to do. */
  readonly message: string;
  readonly exitCode: number;
}

/** errno names of a socket without an answer, and what the reader should do about each. */
const socketTroubles: Readonly<Record<string, string>> = {
  ENOENT: "no daemon has made this socket: start one with `crib serve`, or name another socket with --address",
  ECONNREFUSED: "the socket is there but nobody answers: is the daemon running? start it with `crib serve`",
  EACCES: "permission denied: run this as root",
  EPERM: "permission denied: run this as root",
  ENOTSOCK: "that file is not a socket: check --address",
};

/** What to tell the user of any failure, and the exit code that goes with it. */
export function explainError(error: unknown, address: string): Explanation {
  const trouble = unreachable(error);
  if (trouble !== undefined)
    return { message: `cannot reach a daemon on ${printable(address)}: ${trouble}`, exitCode: ExitCode.unreachable };
  if (error instanceof ConnectError) return { message: explainRpc(error, address), exitCode: ExitCode.failure };
  if (CribError.is(error)) {
    return {
      message: printable(error.message),
      exitCode: error.code === "invalid-argument" ? ExitCode.usage : ExitCode.failure,
    };
  }
  return { message: printable(error instanceof Error ? error.message : String(error)), exitCode: ExitCode.failure };
}

/** The reason why no connection came about; undefined when the failure is another. */
function unreachable(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, syscall } = cause as Error & { code?: unknown; syscall?: unknown };
    if (typeof code === "string" && (syscall === "connect" || code === "ENOTSOCK")) {
      return socketTroubles[code] ?? cause.message;
    }
  }
  return undefined;
}

function explainRpc(error: ConnectError, address: string): string {
  const message = printable(error.rawMessage);
  switch (error.code) {
    case Code.Unimplemented:
      return `${message}: the daemon on ${address} does not offer this; compare \`crib version\` on both sides`;
    case Code.DeadlineExceeded:
      return `${message}: allow more with --timeout, or look into the daemon's log`;
    case Code.Unavailable:
      return `${message}: try again, then look into the daemon's log`;
    case Code.Unauthenticated:
    case Code.PermissionDenied:
      return `${message}: check the credentials`;
    default:
      return message;
  }
}
