import { printable } from "../format/printable.ts";
import type { DaemonClient } from "../program/client.ts";
import { type Finding, ok, warn } from "./check.ts";

/** The daemon gives each runtime five seconds. */
const askMs = 7_000;

/** Whether each runtime of the daemon's configuration can be called; nothing where no daemon answers, or one that does not know. */
export async function runtimeFindings(daemon: DaemonClient): Promise<readonly Finding[]> {
  try {
    const { runtimes } = await daemon.engine.listRuntimes({}, { timeoutMs: askMs });
    return runtimes.map(({ name, type, version, problem, program }) => {
      const what = `runtime ${name}`;
      if (problem === "") return ok("node", what, version === "" ? type : `${type}, ${version}`);
      const advice = `install it at ${program}, or take [runtime.handlers.${name}] out of the configuration`;
      return warn("node", what, printable(problem), advice);
    });
  } catch {
    return [];
  }
}
