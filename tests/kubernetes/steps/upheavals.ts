import { waitUntil } from "../../harness/wait-until.ts";
import { type Cluster, containersOf, exec, type Step, same } from "../cluster.ts";

/** The node says Ready, and has been asked since. */
async function nodeReady({ kubectl, kubelet }: Cluster): Promise<void> {
  await kubectl.run(["wait", "--for=condition=Ready", "--timeout=120s", `node/${kubelet.node}`]);
}

/** The same containers run afterwards, and one can be entered at once. */
async function unnoticed(cluster: Cluster, upheaval: () => Promise<void>, entered = "resized"): Promise<void> {
  const before = await containersOf(cluster);
  await upheaval();
  same("exec", await exec(cluster, entered, "echo", "still here"), "still here");
  await nodeReady(cluster);
  await waitUntil(async () => Bun.deepEquals(await containersOf(cluster), before), {
    what: `the containers are ${before.join(", ")}`,
    boundMs: 60_000,
  });
}

/** The engine ends and comes back. `entered`: what a command is run in at once. */
export function restarted(cluster: Cluster, entered: string): Promise<void> {
  return unnoticed(cluster, () => cluster.engine.restart(), entered);
}

/** What happens to a node while pods run on it. */
export const upheavals: readonly Step[] = [
  {
    name: "rollout: new pods, then back to the old ones",
    async run({ kubectl }) {
      await kubectl.run(["set", "env", "deployment/web", "VERSION=2"]);
      await kubectl.run(["rollout", "status", "deployment/web", "--timeout=150s"]);
      same("new", (await kubectl.run(["exec", "deployment/web", "--", "printenv", "VERSION"])).trim(), "2");
      await kubectl.run(["rollout", "undo", "deployment/web"]);
      await kubectl.run(["rollout", "status", "deployment/web", "--timeout=150s"]);
      await kubectl.run([
        "wait",
        "--for=delete",
        "pod",
        "-l=app=web",
        "--field-selector=status.phase!=Running",
        "--timeout=60s",
      ]);
      await waitUntil(
        async () => (await kubectl.run(["get", "pods", "-l=app=web", "-o=name"])).trim().split("\n").length === 3,
        {
          what: "three pods are left",
          boundMs: 60_000,
        },
      );
    },
  },
  {
    name: "the engine is restarted: no container notices",
    run: (cluster) => restarted(cluster, "resized"),
  },
  {
    name: "the engine is killed: no container notices",
    run: (cluster) =>
      unnoticed(cluster, async () => {
        await cluster.engine.kill9();
        await cluster.engine.start();
      }),
  },
  {
    name: "the kubelet is restarted: no container notices",
    run: (cluster) =>
      unnoticed(cluster, async () => {
        await cluster.kubelet.stop();
        await cluster.kubelet.start();
      }),
  },
  {
    name: "the engine is killed while a rollout goes on: it comes to its end",
    async run({ kubectl, engine }) {
      await kubectl.run(["set", "env", "deployment/web", "VERSION=3"]);
      await engine.kill9();
      await engine.start();
      await kubectl.run(["rollout", "status", "deployment/web", "--timeout=150s"]);
      same("new", (await kubectl.run(["exec", "deployment/web", "--", "printenv", "VERSION"])).trim(), "3");
    },
  },
];
