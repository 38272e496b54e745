import { shortId } from "../format/short-id.ts";
import type { DaemonClient } from "../program/client.ts";
import { type Finding, ok, warn } from "./check.ts";

const askMs = 2_000;
const namedAtMost = 5;

/** Pods whose monitor is older than the daemon; nothing where no daemon answers, or one that does not know. */
export async function monitorFindings(daemon: DaemonClient): Promise<readonly Finding[]> {
  try {
    const { monitors } = await daemon.engine.listMonitors({}, { timeoutMs: askMs });
    const old = monitors.filter(({ build, newest }) => build === "" || build !== newest);
    if (old.length === 0) return [ok("node", "monitors", `${monitors.length}, each as new as the daemon`)];
    const named = old.slice(0, namedAtMost).map(({ podSandboxId }) => shortId(podSandboxId));
    const more = old.length > named.length ? ` and ${old.length - named.length} more` : "";
    const detail = `${old.length} of ${monitors.length} older than the daemon: ${named.join(" ")}${more}`;
    return [warn("node", "monitors", detail, "crib upgrade --monitors; one that cannot be renewed ends with its pod")];
  } catch {
    return [];
  }
}
