import { namesSelinuxLabel } from "../../oci/security-labels.ts";
import type { SecurityContext } from "../../spec/security-context.ts";
import type { PodEngine } from "../engine.ts";

/** One line for a pod or container that asks for a label on a host whose kernel has no SELinux. It runs without. */
export function noteIgnoredSelinux(
  { hostFacts, log }: Pick<PodEngine, "hostFacts" | "log">,
  whose: Readonly<Record<string, string>>,
  security: Pick<SecurityContext, "selinuxOptions"> | undefined,
): void {
  if (hostFacts.selinux || !namesSelinuxLabel(security)) return;
  log.info(whose, "SELinux options are ignored: SELinux is not enabled on this host");
}
