import { writeFileSync } from "node:fs";
import { failedPrecondition } from "../../errors/crib-error.ts";

/**
 * Asks the kernel before anything is mounted or started with the label: what it says then is no more than EINVAL.
 *
 * @throws {CribError} failed-precondition for a label that the policy does not know.
 */
export function checkSelinuxLabel(label: string, selinuxfs = "/sys/fs/selinux"): void {
  try {
    writeFileSync(`${selinuxfs}/context`, label, { flag: "r+" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    const why =
      error.code === "EINVAL" ? "this host's policy does not know it" : `the kernel does not take it: ${error.message}`;
    throw failedPrecondition(`SELinux label ${JSON.stringify(label)} is asked for, but ${why}`, error);
  }
}
