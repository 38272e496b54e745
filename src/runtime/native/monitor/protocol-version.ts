import { CribError } from "../../../errors/crib-error.ts";
import { Errno } from "../../../errors/errno.ts";
import { protocol } from "../wire-numbers.ts";
import { MonitorError } from "./launch-failure.ts";

/** Versions of the protocol with a monitor, both ends included. */
export interface VersionRange {
  readonly oldest: number;
  readonly newest: number;
}

/** What this daemon can speak. */
export const spoken: VersionRange = { oldest: protocol.oldest, newest: protocol.newest };

/**
 * A monitor that lives and has no version in common with this daemon: its pod is well and cannot be talked to. Nothing may
 * be taken for dead, stopped or removed because of it; another crib has to look after the pod.
 */
export class MonitorProtocolError extends CribError {
  constructor(
    name: string,
    /** Undefined when it did not say so in words we know. */
    readonly its: VersionRange | undefined,
  ) {
    const theirs = its === undefined ? "one of another crib" : rangeText(its);
    super(
      "unimplemented",
      `${name} speaks protocol ${theirs}, this crib ${rangeText(spoken)}: its pod is left alone (run the crib that made it, or one in between)`,
    );
  }
}

/**
 * Calls `connect` with the versions to offer in its hello; once more with a single one when a monitor that knows only that
 * refuses the offer, as those of version 1 do.
 *
 * @throws {MonitorProtocolError} when there is none in common.
 */
export async function withCommonVersion<Result>(
  name: string,
  connect: (offer: VersionRange) => Promise<Result>,
): Promise<Result> {
  try {
    return await connect(spoken);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const version = commonVersion(readRange(error.failure.path));
    if (version === undefined) throw new MonitorProtocolError(name, readRange(error.failure.path));
    return await connect({ oldest: version, newest: version });
  }
}

/** The newest that both know. */
export function commonVersion(its: VersionRange | undefined): number | undefined {
  if (its === undefined) return undefined;
  const newest = Math.min(spoken.newest, its.newest);
  return newest >= Math.max(spoken.oldest, its.oldest) ? newest : undefined;
}

function isRefusal(error: unknown): error is MonitorError {
  return error instanceof MonitorError && error.failure.errno === Errno.EPROTONOSUPPORT;
}

/** "1" or "1-2", as a monitor names what it speaks. */
function readRange(text: string): VersionRange | undefined {
  const [, oldest, newest = oldest] = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(text) ?? [];
  return oldest === undefined ? undefined : { oldest: Number(oldest), newest: Number(newest) };
}

function rangeText({ oldest, newest }: VersionRange): string {
  return oldest === newest ? `${oldest}` : `${oldest} to ${newest}`;
}
