import { z } from "zod";
import { failedPrecondition, notFound } from "../../errors/crib-error.ts";
import type { DaemonClient } from "../program/client.ts";

/** What a verbose status tells beyond the CRI's own fields, in the document that containerd and crib both give. */
const documentSchema = z.object({
  pid: z.number().default(0),
  sandboxID: z.string().default(""),
  config: z.object({ tty: z.boolean().default(false), stdin: z.boolean().default(false) }).default({
    tty: false,
    stdin: false,
  }),
});

export interface ContainerInfo {
  /** Of its first process on the host; 0 when it does not run. */
  readonly pid: number;
  readonly sandboxId: string;
  readonly tty: boolean;
  readonly stdin: boolean;
}

/** @throws {CribError} not-found; failed-precondition when the daemon's answer has no document. */
export async function containerInfo(daemon: DaemonClient, containerId: string): Promise<ContainerInfo> {
  const { status, info } = await daemon.runtime.containerStatus({ containerId, verbose: true });
  if (status === undefined) throw notFound("container", containerId);
  const document = documentSchema.safeParse(JSON.parse(info["info"] ?? "null"));
  if (!document.success)
    throw failedPrecondition(`the daemon on ${daemon.address} tells nothing of container processes`);
  const { pid, sandboxID, config } = document.data;
  return { pid, sandboxId: sandboxID, ...config };
}

/** The host pid of a container's first process. @throws {CribError} failed-precondition when it does not run. */
export async function runningPid(daemon: DaemonClient, containerId: string): Promise<number> {
  const { pid } = await containerInfo(daemon, containerId);
  if (pid === 0) throw failedPrecondition(`container ${containerId} does not run`);
  return pid;
}
