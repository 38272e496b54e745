import { invalidArgument } from "../../errors/crib-error.ts";
import type { ContainerConfig, PodSandboxConfig } from "../../gen/runtime/v1/api_pb.ts";
import type { HostPath } from "../../ids/path.ts";
import { parseHostPath } from "../../ids/path.ts";

/**
 * Where the container's log goes: `log_path` below the sandbox's `log_directory`. Undefined when either is unset: the output is then dropped, as the CRI says.
 *
 * @throws {CribError} invalid-argument for a log path that is absolute or climbs (CVE-2025-0750).
 */
export function containerLogPath(sandbox: PodSandboxConfig, container: ContainerConfig): HostPath | undefined {
  if (sandbox.logDirectory === "" || container.logPath === "") return undefined;
  if (container.logPath.startsWith("/")) {
    throw invalidArgument(
      `log_path ${JSON.stringify(container.logPath)} is absolute: give it relative to log_directory`,
    );
  }
  return parseHostPath(`${sandbox.logDirectory}/${container.logPath}`, "log_path");
}
