import type { CriDeps } from "../deps.ts";
import type { EngineRpc } from "../handler.ts";

/** Who answers: for `crib version`, `crib doctor` and scripts that must know where things are. */
export function info({
  config,
  build,
  cgroups,
  pid,
  startedAtNs,
}: Pick<CriDeps, "config" | "build" | "cgroups" | "pid" | "startedAtNs">): EngineRpc<"info"> {
  return () => ({
    version: build.version,
    revision: build.revision,
    root: config.root,
    state: config.state,
    cgroupMode: cgroups.mode,
    pid: BigInt(pid),
    startedAtNs,
  });
}
