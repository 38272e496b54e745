import { CribError } from "../errors/crib-error.ts";
import type { ErrorCode } from "../errors/error-code.ts";

/** What a runtime says was wrong with a request. */
export class RuntimeError extends CribError {
  constructor(
    code: ErrorCode,
    message: string,
    /** What the kernel said, where the runtime knows it. */
    readonly errno: number | undefined,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}
