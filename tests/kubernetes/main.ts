/**
 * `bun tests/kubernetes/main.ts [--alone]`: Kubernetes' own control plane and kubelet on crib, what people run on a node, and
 * the same dashboards as with containerd. `--alone` leaves containerd out.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { say, sayProgress } from "../harness/say.ts";
import { openWorkspace } from "../harness/workspace.ts";
import { buildPeers } from "../peers/build-peers.ts";
import { buildKubernetes } from "./build-kubernetes.ts";
import { onOwnHost } from "./own-host.ts";

if (process.getuid?.() !== 0) throw new Error("a node's programs need root");
const { values } = parseArgs({ options: { alone: { type: "boolean", default: false } } });
let code = 1;
const workspace = openWorkspace("kubelet");
try {
  sayProgress("building Kubernetes' programs, which takes a quarter of an hour the first time");
  const programs = buildKubernetes("cluster");
  const peers = values.alone ? "" : buildPeers();
  code = await onOwnHost(workspace.path, [process.execPath, join(import.meta.dir, "story.ts"), programs, peers]);
} catch (error) {
  say(`FAIL  ${error instanceof Error ? error.message : String(error)}\n0 passed, 1 failed`);
} finally {
  workspace.remove();
}
process.exit(code);
