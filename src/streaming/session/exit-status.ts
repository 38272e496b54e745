/** How a command or an attachment ended, as the client is told. */
export type ExitStatus =
  | { readonly kind: "success" }
  | { readonly kind: "exited"; readonly exitCode: number }
  | { readonly kind: "failed"; readonly message: string };

/** The text of the protocols before v4: nothing on success. */
export function plainStatus(status: ExitStatus): string {
  switch (status.kind) {
    case "success":
      return "";
    case "exited":
      return `command terminated with exit code ${status.exitCode}`;
    case "failed":
      return status.message;
  }
}

/** metav1.Status as kubectl reads it: the exit code is the message of a cause. */
export function jsonStatus(status: ExitStatus): string {
  switch (status.kind) {
    case "success":
      return JSON.stringify({ metadata: {}, status: "Success" });
    case "exited":
      return JSON.stringify({
        metadata: {},
        status: "Failure",
        message: plainStatus(status),
        reason: "NonZeroExitCode",
        details: { causes: [{ reason: "ExitCode", message: String(status.exitCode) }] },
      });
    case "failed":
      return JSON.stringify({
        metadata: {},
        status: "Failure",
        message: status.message,
        reason: "InternalError",
        code: 500,
      });
  }
}
