import { say } from "../../harness/say.ts";
import { waitUntil } from "../../harness/wait-until.ts";
import { apply, type Cluster, type Step } from "../cluster.ts";
import { nothingIsLeft } from "./removal.ts";
import { restarted } from "./upheavals.ts";

/** How long the whole Deployment may take, there and back. */
const LIMIT_S = 600;

async function timed(what: string, { engine }: Cluster, deed: () => Promise<unknown>): Promise<void> {
  const begin = performance.now();
  await deed();
  say(`      ${engine.kind}: ${what} after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}

async function ready({ kubectl }: Cluster): Promise<string> {
  return await kubectl.field("deployment/crowd", ".status.readyReplicas");
}

/** A Deployment of so many pods at once, on either engine; the times are said, for the two to be compared. */
export function crowd(pods: number): readonly Step[] {
  return [
    {
      name: `${pods} pods of one Deployment: all are ready`,
      async run(cluster) {
        await timed("all ready", cluster, async () => {
          await apply(cluster, "crowd", { REPLICAS: String(pods) });
          await waitUntil(async () => (await ready(cluster)) === String(pods), {
            what: `${pods} pods are ready`,
            boundMs: LIMIT_S * 1000,
          });
        });
      },
    },
    {
      name: `${pods} pods: the engine is restarted, no container notices`,
      run: (cluster) => restarted(cluster, "deployment/crowd"),
    },
    {
      name: `${pods} pods: all are deleted, nothing is left`,
      async run(cluster) {
        const { kubectl } = cluster;
        await timed("all gone", cluster, async () => {
          await kubectl.run(["delete", "deployment/crowd", "--wait=false"]);
          await waitUntil(async () => (await kubectl.run(["get", "pods", "-l=app=crowd", "-o=name"])).trim() === "", {
            what: "no pod is left at the API server",
            boundMs: LIMIT_S * 1000,
          });
        });
        await nothingIsLeft(cluster);
      },
    },
  ];
}
