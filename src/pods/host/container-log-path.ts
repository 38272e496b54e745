import { invalidArgument } from "../../errors/crib-error.ts";
import type { HostPath } from "../../ids/path.ts";
import { parseHostPath } from "../../ids/path.ts";
import type { ContainerSpec } from "../../spec/container-spec.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";

/**
 * Where the container's log goes: `log_path` below the sandbox's `log_directory`. Undefined when either is unset: the output is then dropped, as the CRI says.
 *
 * @throws {CribError} invalid-argument for a log path that is absolute or climbs (CVE-2025-0750).
 */
export function containerLogPath(sandbox: PodSpec, container: ContainerSpec): HostPath | undefined {
  if (sandbox.logDirectory === undefined || container.logPath === "") return undefined;
  if (container.logPath.startsWith("/")) {
    throw invalidArgument(
      `log_path ${JSON.stringify(container.logPath)} is absolute: give it relative to log_directory`,
    );
  }
  return parseHostPath(`${sandbox.logDirectory}/${container.logPath}`, "log_path");
}
