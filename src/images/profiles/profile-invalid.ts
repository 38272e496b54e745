import type { CribError } from "../../errors/crib-error.ts";
import { invalidArgument } from "../../errors/crib-error.ts";

/**
 * A refusal for good: the kubelet tries everything else again, and knows this by its first word (cri-api, pkg/errors).
 */
export function profileInvalid(message: string, cause?: unknown): CribError {
  return invalidArgument(`SecurityProfileInvalid: ${message}`, cause);
}
