import { basename } from "node:path";
import type { HostPath } from "../../ids/path.ts";
import { O_DIRECTORY, O_PATH } from "../../kernel/open-flags.ts";
import { selinuxFileLabel, selinuxLabel } from "../../oci/security-labels.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";
import type { PodEngine } from "../engine.ts";
import { checkSelinuxLabel } from "../request/check-selinux-label.ts";
import { sandboxFiles } from "./sandbox-files.ts";

/**
 * SELinux' label of what the containers of a pod share; undefined without SELinux.
 *
 * @throws {CribError} invalid-argument for a malformed label, failed-precondition for one that the policy does not know.
 */
export function sandboxFileLabel({ hostFacts }: Pick<PodEngine, "hostFacts">, config: PodSpec): string | undefined {
  const label = selinuxLabel(config.linux?.securityContext, hostFacts);
  if (label === undefined) return undefined;
  checkSelinuxLabel(label);
  return selinuxFileLabel(label);
}

/** The files that are mounted from the pod's directory; /dev/shm has its label since it was mounted. */
export function labelSandboxFiles(
  { kernel }: Pick<PodEngine, "kernel">,
  directory: HostPath,
  label: string | undefined,
): void {
  if (label === undefined) return;
  const value = new TextEncoder().encode(`${label}\0`);
  const { etc, hosts, hostname, resolvConf } = sandboxFiles(directory);
  const parent = kernel.open(etc, O_PATH | O_DIRECTORY);
  using _parent = { [Symbol.dispose]: () => kernel.close(parent) };
  for (const path of [hosts, hostname, resolvConf])
    kernel.lsetxattrat(parent, basename(path), "security.selinux", value);
}
