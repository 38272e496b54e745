/**
 * `bun tests/kubernetes/main.ts [--alone] [--pods N]`: Kubernetes' own control plane and kubelet on crib, what people run on a node, and
 * the same dashboards as with containerd. `--alone` leaves containerd out. `--pods`: how many pods one Deployment makes in the end, 110
 * unless told, the most that a kubelet takes; 0 leaves that out.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { say, sayProgress } from "../harness/say.ts";
import { openWorkspace } from "../harness/workspace.ts";
import { buildPeers } from "../peers/build-peers.ts";
import { buildKubernetes } from "./build-kubernetes.ts";
import { onOwnHost } from "./own-host.ts";

if (process.getuid?.() !== 0) throw new Error("a node's programs need root");
const { values } = parseArgs({
  options: { alone: { type: "boolean", default: false }, pods: { type: "string", default: "110" } },
});
/** Of the whole story; every step of it has a bound of its own. */
const LIMIT_MS = 60 * 60_000;
const story = join(import.meta.dir, "story.ts");
let code = 1;
const workspace = openWorkspace("kubelet");
try {
  sayProgress("building Kubernetes' programs, which takes a quarter of an hour the first time");
  const programs = buildKubernetes("cluster");
  const peers = values.alone ? "" : buildPeers();
  code = await onOwnHost(workspace.path, [process.execPath, story, programs, peers, values.pods], LIMIT_MS);
} catch (error) {
  say(`FAIL  ${error instanceof Error ? error.message : String(error)}\n0 passed, 1 failed`);
} finally {
  workspace.remove();
}
process.exit(code);
