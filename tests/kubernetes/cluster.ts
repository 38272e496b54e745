import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../harness/engine.ts";
import type { Registry } from "../harness/registry.ts";
import { waitUntil } from "../harness/wait-until.ts";
import type { Kubectl } from "./kubectl.ts";
import type { Kubelet } from "./kubelet.ts";

/** What a step of the story has at hand. */
export interface Cluster {
  readonly directory: string;
  readonly registry: Registry;
  readonly engine: Engine;
  readonly kubelet: Kubelet;
  readonly kubectl: Kubectl;
}

/** One line of the table that a run prints. */
export interface Step {
  readonly name: string;
  run(cluster: Cluster): Promise<void>;
}

/** Hands a manifest beside this file to the API server; words in capitals stand for what is another's in each run. */
export async function apply(
  { kubectl, registry, directory }: Cluster,
  name: string,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const values = {
    BUSYBOX: registry.reference("busybox"),
    WHITEOUT: registry.reference("whiteout"),
    DIRECTORY: directory,
    ...more,
  };
  let text = readFileSync(join(import.meta.dir, "manifests", `${name}.yaml`), "utf8");
  for (const [word, value] of Object.entries(values)) text = text.replaceAll(word, value);
  await kubectl.run(["apply", "-f", "-"], text);
}

/** Waits until a pod or several are Ready. */
export async function ready({ kubectl }: Cluster, ...which: readonly string[]): Promise<void> {
  await kubectl.run(["wait", "--for=condition=Ready", "--timeout=120s", ...which]);
}

/** Standard output of a command in the first container of a pod. */
export async function exec({ kubectl }: Cluster, pod: string, ...command: readonly string[]): Promise<string> {
  return (await kubectl.run(["exec", pod, "--", ...command])).trim();
}

/** @throws unless both are the same. */
export function same(what: string, got: unknown, want: unknown): void {
  if (!Bun.deepEquals(got, want)) throw new Error(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);
}

/** Waits until a field of an object has a value. */
export async function fieldBecomes(
  { kubectl }: Cluster,
  object: string,
  path: string,
  wanted: (value: string) => boolean,
): Promise<string> {
  let value = "";
  await waitUntil(
    async () => {
      value = await kubectl.field(object, path);
      return wanted(value);
    },
    { what: `${object}${path}`, boundMs: 120_000 },
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}; it is ${JSON.stringify(value)}`);
  });
  return value;
}

/** Identity of every container on the node, with its restarts: what an engine that comes back must not change. */
export async function containersOf({ kubectl }: Cluster): Promise<readonly string[]> {
  const path = '{range .items[*].status.containerStatuses[*]}{.containerID} {.restartCount} {.ready}{"\\n"}{end}';
  return (await kubectl.run(["get", "pods", "-A", `-o=jsonpath=${path}`])).trim().split("\n").toSorted();
}
