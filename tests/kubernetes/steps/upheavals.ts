import { waitUntil } from "../../harness/wait-until.ts";
import { type Cluster, containersOf, exec, type Step, same } from "../cluster.ts";

/** The node says Ready, and has been asked since. */
async function nodeReady({ kubectl, kubelet }: Cluster): Promise<void> {
  await kubectl.run(["wait", "--for=condition=Ready", "--timeout=120s", `node/${kubelet.node}`]);
}

/** As a container of the Deployment sees it; the test's image has a shell alone. */
async function versionOf(kubectl: Cluster["kubectl"]): Promise<string> {
  return (await kubectl.run(["exec", "deployment/web", "-c=httpd", "--", "sh", "-c", "echo $VERSION"])).trim();
}

/** The same containers run afterwards, and one can be entered as soon as the kubelet is connected again. */
async function unnoticed(cluster: Cluster, upheaval: () => Promise<void>, entered = "resized"): Promise<void> {
  const before = await containersOf(cluster);
  await upheaval();
  let refused = "";
  await waitUntil(
    async () =>
      (await exec(cluster, entered, "echo", "still here").catch((error: unknown) => {
        refused = String(error);
        return "";
      })) === "still here",
    { what: `a command runs in ${entered}`, boundMs: 30_000 },
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}; the last try: ${refused}`);
  });
  await nodeReady(cluster);
  const apart = async (): Promise<readonly string[]> => {
    const now = await containersOf(cluster);
    const only = (own: readonly string[], others: readonly string[]) => own.filter((one) => !others.includes(one));
    return [...only(before, now).map((one) => `before ${one}`), ...only(now, before).map((one) => `now ${one}`)];
  };
  await waitUntil(async () => (await apart()).length === 0, {
    what: "the containers are what they were",
    boundMs: 60_000,
  }).catch(async (error: unknown) => {
    throw new Error(`${String(error)}: ${(await apart()).join(", ")}`);
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
      same("new", await versionOf(kubectl), "2");
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
      same("new", await versionOf(kubectl), "3");
    },
  },
];
