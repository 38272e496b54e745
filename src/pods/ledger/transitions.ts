import { failedPrecondition } from "../../errors/crib-error.ts";
import type { ContainerRecord, ContainerState, SandboxRecord, SandboxState } from "../../state/records.ts";

/**
 * Where a container may go from where it is; the drawing stands above `ContainerState`.
 */
export const containerTransitions = {
  created: ["running", "exited", "removing"],
  running: ["exited"],
  exited: ["removing"],
  removing: [],
} as const satisfies Record<ContainerState, readonly ContainerState[]>;

/** Where a sandbox may go from where it is; the drawing stands above `SandboxState`. */
const sandboxTransitions = {
  ready: ["notready"],
  notready: [],
} as const satisfies Record<SandboxState, readonly SandboxState[]>;

/** @throws {CribError} failed-precondition when the state machine has no such arrow. */
export function checkContainerTransition(record: ContainerRecord, next: ContainerState): void {
  const allowed: readonly ContainerState[] = containerTransitions[record.state];
  if (!allowed.includes(next)) {
    throw failedPrecondition(`container ${record.id} is ${record.state}, it cannot become ${next}`);
  }
}

/** @throws {CribError} failed-precondition when the state machine has no such arrow. */
export function checkSandboxTransition(record: SandboxRecord, next: SandboxState): void {
  const allowed: readonly SandboxState[] = sandboxTransitions[record.state];
  if (!allowed.includes(next)) {
    throw failedPrecondition(`sandbox ${record.id} is ${record.state}, it cannot become ${next}`);
  }
}
