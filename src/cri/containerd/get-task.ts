import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { notFound } from "../../errors/crib-error.ts";
import type { Tasks } from "../../gen/containerd/services/tasks/v1/tasks_pb.ts";
import type { Process } from "../../gen/containerd/v1/types/task_pb.ts";
import { ProcessSchema, Status } from "../../gen/containerd/v1/types/task_pb.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import type { CriDeps } from "../deps.ts";
import { findById } from "./find-by-id.ts";
import { isKubernetesNamespace, requireNamespace } from "./namespace.ts";

/**
 * The first process of a container or a pod. A pod's is its monitor, which is in the pod's network namespace: that is what
 * cAdvisor reads a pod's network by. What was not started yet is not found, and asked for again.
 */
export function getTask({ pods }: Pick<CriDeps, "pods">): ServiceImpl<typeof Tasks>["get"] {
  return ({ containerId, execId }, context) => {
    requireNamespace(context);
    const found = findById(pods, containerId);
    if (execId !== "") throw notFound("process", execId.slice(0, 80));
    const process = found.kind === "container" ? ofContainer(found.record) : ofSandbox(found.record);
    if (process === undefined) throw notFound("task", containerId);
    return { process };
  };
}

/** `ctr tasks ls`: all that was started. */
export function listTasks({ pods }: Pick<CriDeps, "pods">): ServiceImpl<typeof Tasks>["list"] {
  return (_request, context) => {
    if (!isKubernetesNamespace(context)) return { tasks: [] };
    const tasks = [...pods.sandboxes().map(ofSandbox), ...pods.containers().map(ofContainer)];
    return { tasks: tasks.filter((task) => task !== undefined) };
  };
}

function ofContainer(record: ContainerRecord): Process | undefined {
  const { id, state, process, exitCode, finishedAtNs } = record;
  const common = { containerId: id, id, terminal: record.config.tty };
  if (state === "running" && process !== undefined) {
    return create(ProcessSchema, { ...common, pid: process.pid, status: Status.RUNNING });
  }
  if (state !== "exited") return undefined;
  return create(ProcessSchema, {
    ...common,
    status: Status.STOPPED,
    exitStatus: exitCode,
    exitedAt: timestampFromMs(Number(finishedAtNs / 1_000_000n)),
  });
}

function ofSandbox({ id, state, monitor }: SandboxRecord): Process | undefined {
  if (state !== "ready" || monitor === undefined) return undefined;
  return create(ProcessSchema, { containerId: id, id, pid: monitor.pid, status: Status.RUNNING });
}
