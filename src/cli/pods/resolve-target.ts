import { CribError, invalidArgument, notFound } from "../../errors/crib-error.ts";
import type { Container, PodSandbox } from "../../gen/runtime/v1/api_pb.ts";
import { shortId } from "../format/short-id.ts";
import type { DaemonClient } from "../program/client.ts";
import { type Inventory, listInventory } from "./inventory.ts";

/** What a word on the command line can stand for. */
export type Target =
  | { readonly kind: "container"; readonly id: string; readonly container: Container }
  | { readonly kind: "pod"; readonly id: string; readonly pod: PodSandbox };

/**
 * Finds the pod or container a user means: a whole id or an id prefix first, then a name (`NAME`, `NAMESPACE/POD`
 * for pods, `POD/CONTAINER` for containers). A name that fits several things is an error that lists them.
 *
 * @throws {CribError} not-found, failed-precondition when ambiguous.
 */
export async function resolveTarget(daemon: DaemonClient, text: string): Promise<Target> {
  return chooseTarget(await listInventory(daemon), text, ["container", "pod"]);
}

/** For `stop` and `rm`: the pod where a pod and its container share the name, so that nothing of it is left behind. */
export async function resolvePodFirst(daemon: DaemonClient, text: string): Promise<Target> {
  return chooseTarget(await listInventory(daemon), text, ["pod", "container"]);
}

export async function resolveContainer(daemon: DaemonClient, text: string): Promise<Container> {
  const target = chooseTarget(await listInventory(daemon), text, ["container"]);
  if (target.kind !== "container") throw notFound("container", text);
  return target.container;
}

export async function resolvePod(daemon: DaemonClient, text: string): Promise<PodSandbox> {
  const target = chooseTarget(await listInventory(daemon), text, ["pod"]);
  if (target.kind !== "pod") throw notFound("pod", text);
  return target.pod;
}

/** The pure part of the above: ids win over names, the kind that stands first in `kinds` over one of the same name. */
export function chooseTarget(inventory: Inventory, text: string, kinds: readonly Target["kind"][]): Target {
  if (text === "") throw invalidArgument("an empty name stands for nothing: give an id or a name");
  const targets = targetsOf(inventory).filter((target) => kinds.includes(target.kind));
  const byId = /^[0-9a-f]+$/.test(text) ? targets.filter((target) => target.id.startsWith(text)) : [];
  const byName = targets.filter((target) => namesOf(target, inventory).includes(text));
  const found = byId.length > 0 ? byId : preferKind(byName, kinds[0]);
  const [first, ...others] = found;
  if (first === undefined) throw notFound(kinds.join(" or "), text);
  if (others.length > 0) {
    const list = found.map((target) => `${target.kind} ${shortId(target.id)}`).join(", ");
    throw new CribError("failed-precondition", `${JSON.stringify(text)} fits ${list}: give more of the id`);
  }
  return first;
}

function targetsOf({ containers, pods }: Inventory): Target[] {
  return [
    ...containers.map((container) => ({ kind: "container", id: container.id, container }) as const),
    ...pods.map((pod) => ({ kind: "pod", id: pod.id, pod }) as const),
  ];
}

/** `crib run --name web` makes a pod and a container of that name; each verb knows which of them it is about. */
function preferKind(targets: readonly Target[], kind: Target["kind"] | undefined): readonly Target[] {
  const preferred = targets.filter((target) => target.kind === kind);
  return preferred.length > 0 ? preferred : targets;
}

function namesOf(target: Target, { pods }: Inventory): string[] {
  switch (target.kind) {
    case "pod":
      return [target.pod.metadata?.name ?? "", `${target.pod.metadata?.namespace}/${target.pod.metadata?.name}`];
    case "container": {
      const name = target.container.metadata?.name ?? "";
      const pod = pods.find((candidate) => candidate.id === target.container.podSandboxId);
      return [name, `${pod?.metadata?.name}/${name}`];
    }
  }
}
