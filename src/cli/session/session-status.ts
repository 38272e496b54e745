import { z } from "zod";

/** How a streaming session ended: the command's exit code, or why there is none. */
export type SessionEnd =
  | { readonly kind: "exited"; readonly exitCode: number }
  | { readonly kind: "failed"; readonly message: string };

/** What crib reads of a metav1.Status (k8s.io/apimachinery, remotecommand's error channel since v4). */
const statusSchema = z.object({
  status: z.enum(["Success", "Failure"]),
  message: z.string().default(""),
  reason: z.string().default(""),
  details: z
    .object({
      causes: z.array(z.object({ reason: z.string().default(""), message: z.string().default("") })).nullish(),
    })
    .nullish(),
});

/** Reads the last message of a session. Whatever cannot be read is a failure that shows it. */
export function parseSessionStatus(text: string): SessionEnd {
  const status = statusSchema.safeParse(parseJson(text));
  if (!status.success) return { kind: "failed", message: text };
  if (status.data.status === "Success") return { kind: "exited", exitCode: 0 };
  const cause = status.data.details?.causes?.find(({ reason }) => reason === "ExitCode");
  const exitCode = cause === undefined ? Number.NaN : Number(cause.message);
  if (status.data.reason === "NonZeroExitCode" && Number.isInteger(exitCode)) return { kind: "exited", exitCode };
  return { kind: "failed", message: status.data.message };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
