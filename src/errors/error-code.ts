/**
 * The closed set of reasons anything in crib can fail for.
 *
 * The set is deliberately that of gRPC minus the codes a server never chooses, so the one map in
 * `cri/error-map.ts` stays a table. A new code does not compile until that table knows it.
 */
export const errorCodes = [
  "invalid-argument",
  "not-found",
  "already-exists",
  "failed-precondition",
  "permission-denied",
  "unauthenticated",
  "resource-exhausted",
  "deadline-exceeded",
  "cancelled",
  "unavailable",
  "unimplemented",
  "data-loss",
  "internal",
] as const;

export type ErrorCode = (typeof errorCodes)[number];
