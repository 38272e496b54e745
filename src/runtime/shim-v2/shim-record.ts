import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { hasErrno } from "../../errors/has-errno.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import type { Pid } from "../../ids/process.ts";
import type { ProcessRef } from "../../kernel/process/process-ref.ts";
import type { ShimAddress } from "./bootstrap.ts";

/** A pod's shim, as it was found when it was started: enough to reach it, and to end it when it answers no more. */
export interface ShimRecord extends ShimAddress {
  readonly process: ProcessRef;
}

const document = z.object({
  version: z.literal([2, 3]),
  socket: z.string().min(2),
  pid: z.number().int().positive(),
  startTime: z.string().regex(/^\d+$/),
});

/** In the pod's directory. Written before the first call. */
export function writeShimRecord(directory: HostPath, { version, socket, process }: ShimRecord): void {
  const path = joinHostPath(directory, "shim.json");
  const text = JSON.stringify({ version, socket, pid: process.pid, startTime: String(process.startTime) });
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Undefined: the pod has none, or none that can be read. */
export function readShimRecord(directory: HostPath): ShimRecord | undefined {
  let text: string;
  try {
    text = readFileSync(joinHostPath(directory, "shim.json"), "utf8");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  const parsed = document.safeParse(JSON.parse(text));
  if (!parsed.success) return undefined;
  const { version, socket, pid, startTime } = parsed.data;
  return { version, socket, process: { pid: pid as Pid, startTime: BigInt(startTime) } };
}

export function removeShimRecord(directory: HostPath): void {
  rmSync(joinHostPath(directory, "shim.json"), { force: true });
}
