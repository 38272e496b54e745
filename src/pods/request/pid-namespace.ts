import { assertNever } from "../../errors/assert-never.ts";
import { failedPrecondition, invalidArgument } from "../../errors/crib-error.ts";
import type { ProcessRef } from "../../kernel/process/process-ref.ts";
import type { PidNamespace } from "../../runtime/port.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { getRecord } from "../ledger/resolve-id.ts";

/** Where the container's processes are numbered, from the CRI's NamespaceOption.pid: the pod's, where it says nothing and the pod has one. */
export function pidNamespaceOf(engine: PodEngine, sandbox: SandboxRecord, record: ContainerRecord): PidNamespace {
  const options = record.config.linux?.securityContext?.namespaceOptions;
  const mode = options?.pid ?? "pod";
  switch (mode) {
    case "container":
      return { kind: "own" };
    case "node":
      return { kind: "host" };
    case "pod":
      return sandbox.initPid === undefined ? { kind: "own" } : { kind: "pod", init: sandbox.initPid };
    case "target":
      return { kind: "process", pid: targetProcess(engine, sandbox, options?.targetId ?? "").pid };
    default:
      return assertNever(mode, "pid namespace mode");
  }
}

/**
 * The process whose pid namespace a container with pid TARGET joins; asked when it is created, and again when it is started,
 * because the target may have ended in between.
 *
 * @throws {CribError} not-found, invalid-argument for a container of another pod, failed-precondition for one that does not run.
 */
export function targetProcess(engine: PodEngine, sandbox: SandboxRecord, targetId: string): ProcessRef {
  const target = getRecord("container", engine.containers, targetId);
  if (target.sandboxId !== sandbox.id) throw invalidArgument(`target container ${target.id} is in another pod`);
  if (target.state !== "running" || target.process === undefined) {
    throw failedPrecondition(`target container ${target.id} is ${target.state}: its pid namespace cannot be joined`);
  }
  return target.process;
}
