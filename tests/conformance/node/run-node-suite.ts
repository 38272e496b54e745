import { join } from "node:path";
import { say, sayProgress } from "../../harness/say.ts";
import { openWorkspace } from "../../harness/workspace.ts";
import { buildKubernetes } from "../../kubernetes/build-kubernetes.ts";
import { onOwnHost } from "../../kubernetes/own-host.ts";

/** The suite is told to end a little earlier, with a report. */
const LIMIT_MS = 250 * 60_000;

/**
 * Kubernetes' own node suite (test/e2e_node) with a kubelet on an engine of ours, on a host of its own: suite.ts beside this file runs there.
 *
 * @param args its flags.
 * @returns the exit code.
 */
export async function runNodeSuite(args: readonly string[]): Promise<number> {
  const workspace = openWorkspace("kubelet");
  try {
    sayProgress("building Kubernetes' node suite, which takes a quarter of an hour the first time");
    const programs = buildKubernetes("node-suite");
    const suite = join(import.meta.dir, "suite.ts");
    return await onOwnHost(workspace.path, [process.execPath, suite, programs, ...args], LIMIT_MS);
  } catch (error) {
    say(`FAIL  ${error instanceof Error ? error.message : String(error)}\n0 passed, 1 failed`);
    return 1;
  } finally {
    workspace.remove();
  }
}
