import { waitUntil } from "../harness/wait-until.ts";
import { type Cluster, same } from "./cluster.ts";

/** What a kubelet in its default configuration shows of a Deployment's pods: names, not values. */
export interface Dashboard {
  /** Series of /metrics/cadvisor, with the labels that do not name one pod of one run. */
  readonly series: ReadonlySet<string>;
  /** Members of /stats/summary, by their way: `containers[httpd].cpu.usageNanoCores`. */
  readonly members: ReadonlySet<string>;
}

/** Labels whose values are another's in each run: they count as being there, or not. */
const ofOneRun = ["id", "name", "pod", "image"];
/** Apart from the time between two looks of cAdvisor, which is 10 to 15 s. */
const SETTLE_MS = 16_000;

/** Waits until the same is shown twice, 16 s apart, with the processor time of the container in it. */
export async function readDashboard(cluster: Cluster, deployment: string, container: string): Promise<Dashboard> {
  let last: Dashboard = { series: new Set(), members: new Set() };
  const isWhole = ({ series, members }: Dashboard): boolean =>
    [...series].some(
      (one) => one.startsWith("container_cpu_usage_seconds_total") && one.includes(`container="${container}"`),
    ) && members.has(`containers[${container}].cpu.usageNanoCores`);
  return await waitUntil(
    async () => {
      const now = await look(cluster, deployment);
      const settled = isWhole(now) && Bun.deepEquals(now, last);
      last = now;
      if (settled) return now;
      await Bun.sleep(SETTLE_MS);
      return undefined;
    },
    { what: `the dashboard of ${deployment} is whole and stays so`, boundMs: 180_000 },
  );
}

async function look({ kubectl, kubelet }: Cluster, deployment: string): Promise<Dashboard> {
  const proxy = `/api/v1/nodes/${kubelet.node}/proxy`;
  const metrics = await kubectl.run(["get", "--raw", `${proxy}/metrics/cadvisor`]);
  const summary = JSON.parse(await kubectl.run(["get", "--raw", `${proxy}/stats/summary`])) as Summary;
  const pods = summary.pods.filter(({ podRef }) => podRef.name.startsWith(`${deployment}-`));
  return {
    series: new Set(metrics.split("\n").flatMap((line) => seriesName(line, deployment) ?? [])),
    members: new Set(pods.flatMap((pod) => memberNames(pod, ""))),
  };
}

interface Summary {
  readonly pods: readonly { readonly podRef: { readonly name: string } }[];
}

function seriesName(line: string, deployment: string): string | undefined {
  const match = /^(\w+)\{(.*)\} /.exec(line);
  if (match === null || !line.includes(`pod="${deployment}-`)) return undefined;
  const labels = [...(match[2] ?? "").matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) =>
    ofOneRun.includes(key) ? `${key}=${value === "" ? "-" : "+"}` : `${key}="${value}"`,
  );
  return `${match[1]}{${labels.toSorted().join(",")}}`;
}

/** Every leaf of an object; a member of a list goes by its name. */
function memberNames(value: unknown, path: string): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item: { readonly name?: string }, index) =>
      memberNames(item, `${path}[${item.name ?? index}]`),
    );
  }
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) => memberNames(inner, path === "" ? key : `${path}.${key}`));
}

/** What has to be on any dashboard, whatever the other engine shows. */
export function hasWhatPeopleWatch({ series, members }: Dashboard, container: string): void {
  // The kubelet has cAdvisor measure no file systems: the summary has them from the CRI.
  for (const name of ["container_cpu_usage_seconds_total", "container_memory_working_set_bytes"]) {
    const found = [...series].some((one) => one.startsWith(`${name}{`) && one.includes(`container="${container}"`));
    same(name, found, true);
  }
  same(
    "network",
    [...series].some((one) => one.startsWith("container_network_receive_bytes_total{")),
    true,
  );
  for (const name of ["cpu.usageNanoCores", "memory.workingSetBytes", "rootfs.usedBytes", "logs.usedBytes"]) {
    same(`containers.${name}`, members.has(`containers[${container}].${name}`), true);
  }
  same(
    "pod's network",
    [...members].some((one) => one.startsWith("network.") && one.endsWith("rxBytes")),
    true,
  );
}

/** What differs and is meant to, with the reason: anything else is a fault. */
const understood: readonly { readonly line: RegExp; readonly why: string }[] = [
  {
    line: /^missing: container_cpu_usage_seconds_total\{container="",/,
    why: "the pod's own processor time: its group is empty, and of a usage of zero cAdvisor makes no series (decision 0120)",
  },
  {
    line: /^only here: containers\[.*\.psi\.(some|full)\./,
    why: "a container's pressure on version 1 of control groups, which containerd reads on version 2 alone",
  },
];

/** Lines for what only one of the two shows, and the reasons for what is meant to differ. */
export function differences(
  ours: ReadonlySet<string>,
  theirs: ReadonlySet<string>,
): { readonly faults: readonly string[]; readonly reasons: readonly string[] } {
  const lines = [
    ...[...theirs].filter((name) => !ours.has(name)).map((name) => `missing: ${name}`),
    ...[...ours].filter((name) => !theirs.has(name)).map((name) => `only here: ${name}`),
  ].toSorted();
  const reasonOf = (line: string): string | undefined => understood.find((entry) => entry.line.test(line))?.why;
  return {
    faults: lines.filter((line) => reasonOf(line) === undefined),
    reasons: [...new Set(lines.flatMap((line) => reasonOf(line) ?? []))],
  };
}
