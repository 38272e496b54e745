import { type HostPath, parseHostPath } from "../../ids/path.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";

/**
 * Where the pod's log directory is when the pod is made, without the links that lead there (a /var/log that is one). One that is not
 * there is made, as the start of a container would: whoever made it later could make it a link. Undefined when the pod has none, or it
 * cannot be made.
 *
 * @throws {CribError} deadline-exceeded when its file system does not answer.
 */
export async function realLogDirectory(
  { pathLooker }: Pick<PodEngine, "pathLooker">,
  { logDirectory }: Pick<PodSpec, "logDirectory">,
): Promise<HostPath | undefined> {
  if (logDirectory === undefined) return undefined;
  const [, found] = await pathLooker.lookAll([
    { kind: "make-directory", path: logDirectory },
    { kind: "real-path", path: logDirectory },
  ]);
  if (found === undefined || found.errno !== 0) return undefined;
  return parseHostPath(new TextDecoder().decode(found.data), "log_directory");
}

/**
 * What the monitor opens for the container's log. Two slashes ask it to follow no link: whoever can write to log directories
 * (a pod that collects logs) could exchange one below the pod's for a link to anywhere.
 */
export function logPathForMonitor(
  { realLogDirectory: real }: Pick<SandboxRecord, "realLogDirectory">,
  { logPath, config }: Pick<ContainerRecord, "logPath" | "config">,
): HostPath | undefined {
  if (logPath === undefined || real === undefined) return logPath;
  return `/${parseHostPath(`${real}/${config.logPath}`, "log_path")}` as HostPath;
}
