import { Errno, errnoName } from "../../../errors/errno.ts";
import type { ErrorCode } from "../../../errors/error-code.ts";
import { RuntimeError } from "../../runtime-error.ts";
import { stepName } from "../plan/step-kinds.ts";
import type { WireReader } from "./wire-reader.ts";

/** `struct failure` of ffi/wire/failure.h. */
export interface Failure {
  readonly errno: number;
  /** The plan's step it happened in; undefined when it was no step. */
  readonly step: string | undefined;
  /** Position of that step in the plan, from 0. */
  readonly index: number;
  readonly call: string;
  readonly path: string;
}

export function readFailure(reader: WireReader): Failure {
  const errno = reader.u32();
  const step = stepName(reader.u16());
  return { errno, step, index: reader.u16(), call: reader.string(), path: reader.string() };
}

/** "step 12 mount: fsopen "proc": EPERM" */
export function describeFailure({ errno, step, index, call, path }: Failure): string {
  const where = step === undefined ? "" : `step ${index} ${step}: `;
  const what = path === "" ? call : `${call} ${JSON.stringify(path)}`;
  return `${where}${what}: ${errnoName(errno)}`;
}

/** A request that a monitor refused or could not carry out: which step of the plan, which call, on what. */
export class MonitorError extends RuntimeError {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(codeOf(failure), messageOf(failure), failure.errno);
    this.failure = failure;
  }
}

/** Of a request to what may have ended by itself: that it is gone is a success. */
export async function ifThere(answer: Promise<unknown>): Promise<void> {
  try {
    await answer;
  } catch (error) {
    if (!(error instanceof MonitorError && error.failure.errno === Errno.ENOENT)) throw error;
  }
}

/** What the image or the pod's author got wrong is theirs to read; everything else is ours to look into. */
function codeOf(failure: Failure): ErrorCode {
  const { errno, step, call } = failure;
  if (isMissingProfile(failure) || isKindMismatch(failure)) return "failed-precondition";
  const named = errno === Errno.ENOENT || errno === Errno.EACCES || errno === Errno.ENOTDIR || errno === Errno.ENOEXEC;
  if ((step === "exec" || step === "working-directory") && named) return "failed-precondition";
  if (errno === Errno.ETIMEDOUT && call === "took too long and was killed") return "deadline-exceeded";
  if (step !== undefined) return "internal";
  switch (errno) {
    case Errno.ENOENT:
      return "not-found";
    case Errno.EEXIST:
      return "already-exists";
    case Errno.ESRCH:
    case Errno.EBUSY:
    case Errno.EALREADY:
    case Errno.ENOTTY:
    case Errno.EPIPE:
    case Errno.ESHUTDOWN:
      return "failed-precondition";
    case Errno.EAGAIN:
    case Errno.ENOMEM:
      return "resource-exhausted";
    case Errno.EINVAL:
      return "invalid-argument";
    case Errno.EPROTONOSUPPORT:
    case Errno.ENOSYS:
      return "unimplemented";
    default:
      return "internal";
  }
}

/** What AppArmor answers to a name it does not know (SELinux says EINVAL). */
function isMissingProfile({ errno, step, call }: Failure): boolean {
  return step === "lsm-label" && call === "write" && errno === Errno.ENOENT;
}

/** How a bind fails whose source is a file and its place a directory, or the other way round. */
function isKindMismatch({ errno, step, call }: Failure): boolean {
  return step === "bind" && call === "move_mount" && (errno === Errno.EINVAL || errno === Errno.ENOTDIR);
}

function messageOf(failure: Failure): string {
  if (isKindMismatch(failure)) {
    return `mount on ${JSON.stringify(failure.path)}: a directory and a file cannot be mounted on one another: ${describeFailure(failure)}`;
  }
  if (isMissingProfile(failure)) {
    return `no AppArmor profile ${JSON.stringify(failure.path)} is loaded on this node (load it with apparmor_parser)`;
  }
  if (failure.step !== "exec") return describeFailure(failure);
  const command = JSON.stringify(failure.path);
  switch (failure.errno) {
    case Errno.ENOENT:
      return failure.path.includes("/")
        ? `exec ${command}: no such file or directory (or its interpreter is missing)`
        : `exec ${command}: executable file not found in $PATH`;
    case Errno.EACCES:
      return `exec ${command}: permission denied (is it an executable file?)`;
    case Errno.ENOEXEC:
      return `exec ${command}: exec format error (built for another architecture, or a script without #!)`;
    default:
      return describeFailure(failure);
  }
}
