import { createHash } from "node:crypto";
import type { RegistryCredentials } from "../../port.ts";

/** Tells pulls with different credentials apart without keeping the credentials. */
export function credentialsFingerprint(credentials: RegistryCredentials | undefined): string {
  return createHash("sha256")
    .update(JSON.stringify(credentials ?? null))
    .digest("hex");
}
