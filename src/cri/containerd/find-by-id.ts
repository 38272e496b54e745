import { CribError, notFound } from "../../errors/crib-error.ts";
import type { Pods } from "../../pods/port.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";

export type Found =
  | { readonly kind: "container"; readonly record: ContainerRecord }
  | { readonly kind: "sandbox"; readonly record: SandboxRecord };

/** What containerd would call a container: one, or a pod's sandbox. By the whole id, which is how cgroups are named. @throws not-found */
export function findById(pods: Pick<Pods, "container" | "sandbox">, id: string): Found {
  const container = orAbsent(() => pods.container(id));
  if (container?.id === id) return { kind: "container", record: container };
  const sandbox = orAbsent(() => pods.sandbox(id));
  if (sandbox?.id === id) return { kind: "sandbox", record: sandbox };
  throw notFound("container", id.slice(0, 80));
}

function orAbsent<Kept>(find: () => Kept): Kept | undefined {
  try {
    return find();
  } catch (error) {
    // An ambiguous prefix is no id either.
    if (CribError.is(error, "not-found") || CribError.is(error, "invalid-argument")) return undefined;
    throw error;
  }
}
