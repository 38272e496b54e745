import { deadlineExceeded, failedPrecondition, unavailable } from "../../../errors/crib-error.ts";
import { Errno } from "../../../errors/errno.ts";
import { hasErrno } from "../../../errors/has-errno.ts";
import type { SandboxId } from "../../../ids/object-id.ts";
import type { Fd } from "../../../ids/process.ts";
import { OwnedFd } from "../../../kernel/owned-fd.ts";
import type { FileCalls, SocketCalls } from "../../../kernel/port.ts";
import type { Clock } from "../../../observe/clock.ts";
import { deadlines } from "../../deadlines.ts";
import { FrameKind } from "../wire-numbers.ts";
import { FrameCutter } from "./frame-cutter.ts";
import { encodeFrame, type Frame } from "./frames.ts";
import { describeFailure, readFailure } from "./launch-failure.ts";
import { spoken } from "./protocol-version.ts";
import { readRenewed } from "./replies.ts";
import { helloPayload } from "./requests.ts";
import { WireReader } from "./wire-reader.ts";

/** A reader of the pipe that finds nothing comes again: a renewal takes a few milliseconds on an idle machine. */
const pauseMs = 5;

const helloNumber = 1;
const renewNumber = 2;

export interface RenewalRequest {
  readonly kernel: Pick<FileCalls, "read" | "close"> & Pick<SocketCalls, "converseAside">;
  readonly clock: Pick<Clock, "sleep">;
  /** Of the monitor's socket. */
  readonly path: string;
  readonly sandboxId: SandboxId;
  /** A sealed memfd of the executable it is to go on in. */
  readonly executable: Fd;
}

/**
 * Hands a monitor another executable, in which it goes on under its running pod. On a connection of its own, for no other can
 * carry a descriptor. @returns what the executable is called.
 *
 * @throws {CribError} failed-precondition for a monitor that cannot be renewed or refuses, with its reason: it goes on as it was;
 * unavailable or deadline-exceeded when it does not answer.
 */
export async function renewMonitor({ kernel, clock, path, sandboxId, executable }: RenewalRequest): Promise<string> {
  const name = `monitor of sandbox ${sandboxId}`;
  const requests = Buffer.concat([
    encodeFrame(FrameKind.hello, helloNumber, helloPayload(spoken)),
    encodeFrame(FrameKind.renew, renewNumber, new Uint8Array(0)),
  ]);
  using pipe = new OwnedFd(kernel, kernel.converseAside(path, requests, executable, deadlines.renewMs));
  const frames: Frame[] = [];
  const cutter = new FrameCutter({ frame: (frame) => void frames.push(frame), output: () => undefined });
  const chunk = new Uint8Array(4096);
  for (let waitedMs = 0; waitedMs <= deadlines.renewMs; ) {
    const length = readNow(kernel, pipe.fd, chunk);
    if (length === 0) throw unavailable(`${name} ended the connection while it was renewed`);
    if (length === undefined) {
      await clock.sleep(pauseMs);
      waitedMs += pauseMs;
      continue;
    }
    cutter.push(chunk.subarray(0, length));
    const answer = frames.splice(0).map((frame) => outcomeOf(frame, name));
    const build = answer.find((told) => told !== undefined);
    if (build !== undefined) return build;
  }
  throw deadlineExceeded(`${name} was not renewed within ${deadlines.renewMs / 1000} s`);
}

/** Undefined for a frame that says nothing of the renewal. */
function outcomeOf({ kind, request, payload }: Frame, name: string): string | undefined {
  if (kind === FrameKind.error) {
    const failure = readFailure(new WireReader(payload));
    if (failure.errno === Errno.ENOSYS || request === helloNumber) {
      throw failedPrecondition(`${name} is too old to be renewed: it ends with its pod`);
    }
    throw failedPrecondition(`${name} goes on as it was: ${describeFailure(failure)}`);
  }
  return kind === FrameKind.ok && request === renewNumber ? readRenewed(payload) : undefined;
}

/** Bytes read; 0 at the end; undefined when there is nothing now. */
function readNow(kernel: Pick<FileCalls, "read">, pipe: Fd, into: Uint8Array): number | undefined {
  try {
    return kernel.read(pipe, into);
  } catch (error) {
    if (hasErrno(error, "EAGAIN")) return undefined;
    throw error;
  }
}
