import type { ContainerFilter, PodSandboxFilter } from "../../gen/runtime/v1/api_pb.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import { containerState } from "./container.ts";
import { sandboxState } from "./sandbox.ts";

/** Ids match whole or as a prefix; crictl shows thirteen digits of them. "" matches everything. */
function matchesId(id: string, wanted: string): boolean {
  return id.startsWith(wanted);
}

/** Every pair asked for is there; `Object.hasOwn`, because a label may be called `constructor`. */
function matchesLabels(labels: Readonly<Record<string, string>>, selector: Readonly<Record<string, string>>): boolean {
  return pairsOf(selector).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

/** Listed once a filter, not once a record: a client may send sixteen thousand pairs to a thousand containers. */
const listed = new WeakMap<object, readonly (readonly [string, string])[]>();

function pairsOf(selector: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  let pairs = listed.get(selector);
  if (pairs === undefined) {
    pairs = Object.entries(selector);
    listed.set(selector, pairs);
  }
  return pairs;
}

/** The part of a filter that the list and the stats RPCs share. */
type SandboxSelector = Pick<PodSandboxFilter, "id" | "labelSelector"> & Partial<Pick<PodSandboxFilter, "state">>;
type ContainerSelector = Pick<ContainerFilter, "id" | "podSandboxId" | "labelSelector"> &
  Partial<Pick<ContainerFilter, "state">>;

export function matchesSandbox(record: SandboxRecord, filter: SandboxSelector | undefined): boolean {
  if (filter === undefined) return true;
  return (
    matchesId(record.id, filter.id) &&
    (filter.state === undefined || filter.state.state === sandboxState(record)) &&
    matchesLabels(record.config.labels, filter.labelSelector)
  );
}

export function matchesContainer(record: ContainerRecord, filter: ContainerSelector | undefined): boolean {
  if (filter === undefined) return true;
  return (
    matchesId(record.id, filter.id) &&
    matchesId(record.sandboxId, filter.podSandboxId) &&
    (filter.state === undefined || filter.state.state === containerState(record)) &&
    matchesLabels(record.config.labels, filter.labelSelector)
  );
}
