import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cgroupDirectory } from "../../harness/cgroup-tree.ts";
import { waitUntil } from "../../harness/wait-until.ts";
import { type Cluster, type Step, same } from "../cluster.ts";
import { KUBELET_ROOT } from "../own-host.ts";

/** Names of groups below a directory whose last part is a pod's or a container's. */
function groupsBelow(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory() && /^(pod[0-9a-f-]{36}|[0-9a-f]{64})$/.test(entry.name))
    .map(({ name }) => name);
}

function mountsOf({ engine }: Cluster): readonly string[] {
  const points = Bun.spawnSync(["findmnt", "-rno", "TARGET"]).stdout.toString().trim().split("\n");
  const pod = [join(KUBELET_ROOT, "pods"), join(engine.state, "containers")];
  return points.filter((point) => pod.some((parent) => point.startsWith(`${parent}/`)));
}

/** No pod, container, group or mount. */
export async function nothingIsLeft(cluster: Cluster): Promise<void> {
  const { cri } = cluster.engine;
  await waitUntil(async () => (await cri.runtime.listPodSandbox({})).items.length === 0, {
    what: "the engine has no pod",
    boundMs: 120_000,
  });
  same("containers", (await cri.runtime.listContainers({})).containers.length, 0);
  for (const controller of ["memory", "cpu", "pids"]) {
    const group = cgroupDirectory(controller, "/kubepods");
    await waitUntil(() => groupsBelow(group).length === 0, {
      what: `no group of a pod below ${group}`,
      boundMs: 60_000,
    });
  }
  await waitUntil(() => mountsOf(cluster).length === 0, { what: "no mount of a pod", boundMs: 30_000 });
}

/** Everything goes, and nothing of it is left on the node. */
export const removal: readonly Step[] = [
  {
    name: "delete: every workload, within two minutes",
    async run({ kubectl }) {
      const kinds = "deployments,daemonsets,statefulsets,jobs,pods";
      await kubectl.run(["delete", kinds, "--all", "--timeout=120s"]);
      await kubectl.run(["delete", "pvc,pv", "--all", "--timeout=60s"]);
      await kubectl.run(["delete", "configmap/page", "secret/key", "--timeout=60s"]);
    },
  },
  { name: "nothing is left: pods, containers, groups, mounts", run: nothingIsLeft },
];
