import { readFileSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "../../harness/wait-until.ts";
import { apply, exec, fieldBecomes, ready, type Step, same } from "../cluster.ts";
import { NODE_ADDRESS } from "../own-host.ts";

async function page(url: string): Promise<string> {
  return await waitUntil(async () => (await fetch(url, { signal: AbortSignal.timeout(2_000) })).text(), {
    what: url,
    boundMs: 30_000,
  });
}

/** The kinds of workloads, each until it does what it is for. */
export const workloads: readonly Step[] = [
  {
    name: "Deployment: three replicas, init container, three kinds of probes, ConfigMap, Secret",
    async run(cluster) {
      await apply(cluster, "web");
      await cluster.kubectl.run(["rollout", "status", "deployment/web", "--timeout=120s"]);
      same("key", await exec(cluster, "deployment/web", "cat", "/key/key"), "secret words");
      const address = await cluster.kubectl.run(["get", "pods", "-l=app=web", "-o=jsonpath={.items[0].status.podIP}"]);
      same("page", await page(`http://${address}:8080/index.html`), "first page\n");
    },
  },
  {
    name: "Job: runs to its completions; one that fails gives up, with its last words",
    async run(cluster) {
      const { kubectl } = cluster;
      await apply(cluster, "jobs");
      await kubectl.run(["wait", "--for=condition=Complete", "--timeout=120s", "job/adds-up"]);
      await kubectl.run(["wait", "--for=condition=Failed", "--timeout=120s", "job/gives-up"]);
      same("log", (await kubectl.run(["logs", "job/adds-up"])).trim(), "42");
      const state = "{.items[0].status.containerStatuses[0].state.terminated";
      const options = ["get", "pods", "-l=batch.kubernetes.io/job-name=gives-up"];
      same("exit", await kubectl.run([...options, `-o=jsonpath=${state}.exitCode}`]), "7");
      same("words", (await kubectl.run([...options, `-o=jsonpath=${state}.message}`])).trim(), "out of luck");
    },
  },
  {
    name: "DaemonSet: hostPath and hostPort",
    async run(cluster) {
      await apply(cluster, "agent");
      await cluster.kubectl.run(["rollout", "status", "daemonset/agent", "--timeout=120s"]);
      same("file", readFileSync(join(cluster.directory, "host-path/agent.txt"), "utf8"), "from the agent\n");
      same("port", await page(`http://${NODE_ADDRESS}:30080/agent.txt`), "from the agent\n");
    },
  },
  {
    name: "StatefulSet: its volume outlives its pod, preStop runs",
    async run(cluster) {
      await apply(cluster, "store");
      const { kubectl } = cluster;
      await kubectl.run(["rollout", "status", "statefulset/store", "--timeout=120s"]);
      const uid = await kubectl.field("pod/store-0", ".metadata.uid");
      await kubectl.run(["delete", "pod", "store-0", "--timeout=60s"]);
      await fieldBecomes(cluster, "statefulset/store", ".status.readyReplicas", (count) => count === "1");
      same("another pod", (await kubectl.field("pod/store-0", ".metadata.uid")) !== uid, true);
      await ready(cluster, "pod/store-0");
      same("file", (await exec(cluster, "store-0", "cat", "/data/starts")).split("\n"), [
        "store-0",
        "stopped",
        "store-0",
      ]);
    },
  },
];
