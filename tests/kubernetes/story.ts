/** `bun story.ts PROGRAMS PEERS PODS`: the story itself, on a host of its own; started by main.ts. Without PEERS it is crib's alone. */
import { join } from "node:path";
import { type Registry, sharedRegistry } from "../harness/registry.ts";
import { say } from "../harness/say.ts";
import { createEngine } from "../harness/select-engine.ts";
import { openWorkspace } from "../harness/workspace.ts";
import { apply, type Cluster } from "./cluster.ts";
import { ControlPlane } from "./control-plane.ts";
import { type Dashboard, differences, hasWhatPeopleWatch, readDashboard } from "./dashboard.ts";
import { Kubectl } from "./kubectl.ts";
import { Kubelet } from "./kubelet.ts";
import { ProcessGroup } from "./process-group.ts";
import { StepTable } from "./step-table.ts";
import { crowd } from "./steps/crowd.ts";
import { pods } from "./steps/pods.ts";
import { removal } from "./steps/removal.ts";
import { streams } from "./steps/streams.ts";
import { upheavals } from "./steps/upheavals.ts";
import { workloads } from "./steps/workloads.ts";

const [programs = "", peers = "", crowdSize = "0"] = process.argv.slice(2);
const many = crowdSize === "0" ? [] : crowd(Number(crowdSize));
const table = new StepTable();
const workspace = openWorkspace("kubernetes");
const processes = new ProcessGroup(workspace.path);
const plane = new ControlPlane(programs, join(workspace.path, "plane"), processes);
const kubectl = new Kubectl(programs, plane.kubeconfig, workspace.path);
let registry: Registry | undefined;

/** A node on one kind of engine: joins, does its work, leaves. */
async function visit(
  kind: "crib" | "containerd",
  images: Registry,
  work: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const engine = createEngine(kind, {
    registry: images,
    seenByCadvisor: true,
    stateInMemory: true,
    ...(kind === "containerd" ? { peers } : {}),
  });
  try {
    await engine.start();
    const kubelet = new Kubelet(programs, workspace.path, plane.kubeconfig, engine, processes);
    const cluster = { directory: workspace.path, registry: images, engine, kubelet, kubectl };
    await table.step(`a kubelet on ${kind}: Ready`, async () => {
      await kubelet.start();
      await kubectl.run(["wait", "--for=create", "--timeout=60s", `node/${kubelet.node}`]);
      await kubectl.run(["wait", "--for=condition=Ready", "--timeout=90s", `node/${kubelet.node}`]);
    });
    await work(cluster);
    await kubelet.stop();
    await kubectl.run(["delete", "node", kubelet.node, "--timeout=60s"]);
  } finally {
    if (table.failed > 0)
      say(`\n${kind} logged at last:\n${engine.logTail()}\n\nthe kubelet:\n${processes.logTail("kubelet")}\n`);
    await processes.stop("kubelet");
    await engine.destroy();
  }
}

async function onCrib(cluster: Cluster): Promise<Dashboard | undefined> {
  let seen: Dashboard | undefined;
  await table.steps(workloads, cluster);
  await table.step("dashboards: processor, memory, network and file system of each container", async () => {
    seen = await readDashboard(cluster, "web", "httpd");
    hasWhatPeopleWatch(seen, "httpd");
  });
  for (const steps of [pods, streams, upheavals, removal, many]) await table.steps(steps, cluster);
  return seen;
}

async function onContainerd(cluster: Cluster, ours: Dashboard | undefined): Promise<void> {
  await apply(cluster, "web");
  await kubectl.run(["rollout", "status", "deployment/web", "--timeout=120s"]);
  await table.step("dashboards: the same names as with containerd", async () => {
    if (ours === undefined) throw new Error("there is no dashboard of crib's to compare");
    const theirs = await readDashboard(cluster, "web", "httpd");
    const found = [differences(ours.series, theirs.series), differences(ours.members, theirs.members)];
    const faults = found.flatMap((one) => one.faults);
    if (faults.length > 0) throw new Error(`\n${faults.join("\n")}`);
    say(
      `      series: ${ours.series.size} and ${theirs.series.size}; members: ${ours.members.size} and ${theirs.members.size}`,
    );
    for (const why of found.flatMap((one) => one.reasons)) say(`      differs: ${why}`);
  });
  await kubectl.run(["delete", "deployment/web", "--timeout=60s"]);
  await kubectl.run(["delete", "pods", "--all", "--timeout=120s"]);
  await table.steps(many, cluster);
}

try {
  registry = await sharedRegistry();
  const images = registry;
  await table.step("etcd, API server, controllers, scheduler", () => plane.start());
  let ours: Dashboard | undefined;
  await visit("crib", images, async (cluster) => {
    ours = await onCrib(cluster);
  });
  if (peers !== "") await visit("containerd", images, (cluster) => onContainerd(cluster, ours));
} catch (error) {
  table.fail("the run itself", error);
} finally {
  await processes.stopAll();
  await registry?.stop();
  workspace.remove();
}
table.print();
process.exit(table.failed === 0 ? 0 : 1);
