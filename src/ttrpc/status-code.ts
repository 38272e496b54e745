import { CribError } from "../errors/crib-error.ts";
import type { ErrorCode } from "../errors/error-code.ts";

/** The status codes of gRPC (google.rpc.Code) as crib's errors have them. */
const codes: Readonly<Record<number, ErrorCode>> = {
  3: "invalid-argument",
  4: "deadline-exceeded",
  5: "not-found",
  6: "already-exists",
  8: "resource-exhausted",
  9: "failed-precondition",
  12: "unimplemented",
  13: "internal",
  14: "unavailable",
  15: "data-loss",
};

const unknownStatus = 2;

/** The error that a peer's status stands for; `said` begins the message. */
export function errorOfStatus(code: number, message: string, said: string): CribError {
  return new CribError(codes[code] ?? "internal", `${said}: ${message === "" ? `status ${code}` : message}`);
}

/** The status a peer is told for an error of ours. */
export function statusOfError(error: unknown): { readonly code: number; readonly message: string } {
  const message = error instanceof Error ? error.message : String(error);
  if (!CribError.is(error)) return { code: unknownStatus, message };
  const found = Object.entries(codes).find(([, code]) => code === error.code);
  return { code: found === undefined ? unknownStatus : Number(found[0]), message };
}
