import { Code, ConnectError } from "@connectrpc/connect";
import { CribError } from "../errors/crib-error.ts";
import type { ErrorCode } from "../errors/error-code.ts";
import { isFull } from "../errors/is-full.ts";
import { visible } from "../errors/visible.ts";

/** Crib's reasons as gRPC's: the only place that knows both. */
const grpcCodes: Record<ErrorCode, Code> = {
  "invalid-argument": Code.InvalidArgument,
  "not-found": Code.NotFound,
  "already-exists": Code.AlreadyExists,
  "failed-precondition": Code.FailedPrecondition,
  "permission-denied": Code.PermissionDenied,
  unauthenticated: Code.Unauthenticated,
  "resource-exhausted": Code.ResourceExhausted,
  "deadline-exceeded": Code.DeadlineExceeded,
  cancelled: Code.Canceled,
  unavailable: Code.Unavailable,
  unimplemented: Code.Unimplemented,
  "data-loss": Code.DataLoss,
  internal: Code.Internal,
};

/** gRPC clients bound trailers (grpc-go 16 KiB, C-core 8 KiB); percent-encoding can triple a message. */
const maxMessageLength = 2048;

function bounded(message: string): string {
  return message.length <= maxMessageLength ? message : `${message.slice(0, maxMessageLength)}…`;
}

/**
 * What the client is told. Never throws, whatever was thrown.
 *
 * @param correlationId is put into the message of a failure that was not foreseen, so that the client's line leads to the log's.
 */
export function toConnectError(error: unknown, correlationId: () => string): ConnectError {
  // What failed, not what failed while it was undone; the log has both.
  if (error instanceof SuppressedError) {
    const connectError = toConnectError(error.suppressed, correlationId);
    connectError.cause = error;
    return connectError;
  }
  // Connect's own: a malformed request, an expired deadline, a client that went away.
  if (error instanceof ConnectError) return error;
  if (error instanceof CribError) {
    const connectError = new ConnectError(bounded(error.message), grpcCodes[error.code]);
    connectError.cause = error;
    return connectError;
  }
  const exhausted = isFull(error) ? fullMessage(error) : descriptorsMessage(error);
  if (exhausted !== undefined) {
    const connectError = new ConnectError(bounded(visible(exhausted)), Code.ResourceExhausted);
    connectError.cause = error;
    return connectError;
  }
  const text = visible(error instanceof Error ? error.message : String(error));
  const connectError = new ConnectError(bounded(`unexpected failure ${correlationId()}: ${text}`), grpcCodes.internal);
  connectError.cause = error;
  return connectError;
}

/** Of a call of the runtime's own, which names its path beside the message. */
function fullMessage(error: unknown): string {
  const path: unknown = error instanceof Error ? (Reflect.get(error, "dest") ?? Reflect.get(error, "path")) : undefined;
  const where = typeof path === "string" ? `the file system of ${path}` : "a file system";
  return `no space or no inodes left on ${where}: free some`;
}

function descriptorsMessage(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return code === "EMFILE" || code === "ENFILE" ? "crib has no file descriptors left: raise LimitNOFILE" : undefined;
}

/** The code's name as gRPC writes it in logs: "NotFound", "Internal". */
export function codeName(error: ConnectError): string {
  return Code[error.code] ?? String(error.code);
}

/** What a kubelet asks about things that may have ended meanwhile: on a healthy node it is told so every second. */
const routine: ReadonlySet<string> = new Set([
  "ContainerStatus",
  "PodSandboxStatus",
  "ContainerStats",
  "PodSandboxStats",
  "ExecSync",
  "ReopenContainerLog",
]);

/** How loud a failed RPC is in the log: crib's own faults, refusals, answers that belong to a day's work. */
export function severity(error: ConnectError, rpc: string): "error" | "info" | "debug" {
  if (error.code === Code.NotFound && routine.has(rpc)) return "debug";
  return error.code === Code.Internal || error.code === Code.Unknown || error.code === Code.DataLoss ? "error" : "info";
}
