import { ErrnoError } from "../../errors/errno-error.ts";
import { hasErrno } from "../../errors/has-errno.ts";
import type { HostPath } from "../../ids/path.ts";
import type { FileCalls, TreeCalls } from "../../kernel/port.ts";
import type { Clock } from "../../observe/clock.ts";

/** What one walk found; `complete` is false when it met a limit or a directory moved away under it: there is more. */
export interface TreeUsage {
  readonly usedBytes: bigint;
  readonly inodesUsed: bigint;
  readonly complete: boolean;
}

/** A walk that takes longer tells what it has found. A million files take about two seconds. */
const limits = { maxEntries: 20_000_000, maxMs: 15_000 } as const;

const firstPauseMs = 2;
const longestPauseMs = 100;

/** Offsets in `struct crib_tree_usage` of ffi/libcrib/crib.h. */
const usageBytes = 32;
const inodesAt = 8;
const incompleteAt = 24;
const failureAt = 28;

/**
 * Bytes and inodes of a tree that a container fills, counted on a thread of its own by descriptor
 * (ffi/libcrib/tree-usage.c): no depth, name, link or exchange of names leads the walk out or ends it. A disk that hangs keeps
 * that thread, not the daemon's.
 *
 * @throws {ErrnoError} when the root of the tree cannot be looked at.
 */
export async function measureTree(
  kernel: TreeCalls & Pick<FileCalls, "read" | "close">,
  clock: Pick<Clock, "sleep">,
  root: HostPath,
): Promise<TreeUsage> {
  const pipe = kernel.measureTreeAside(root, limits);
  using _pipe = { [Symbol.dispose]: () => kernel.close(pipe) };
  const bytes = new Uint8Array(usageBytes);
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    await clock.sleep(pauseMs);
    if (readIfThere(kernel, pipe, bytes)) break;
  }
  const view = new DataView(bytes.buffer);
  const failure = view.getInt32(failureAt, true);
  if (failure !== 0) throw new ErrnoError(failure, "measure", root);
  return {
    usedBytes: view.getBigUint64(0, true) * 512n,
    inodesUsed: view.getBigUint64(inodesAt, true),
    complete: view.getInt32(incompleteAt, true) === 0,
  };
}

function readIfThere(
  kernel: Pick<FileCalls, "read">,
  pipe: Parameters<FileCalls["read"]>[0],
  bytes: Uint8Array,
): boolean {
  try {
    // 0: the thread could not be heard of; the zeros then say "nothing found", and that it is not all.
    if (kernel.read(pipe, bytes) === 0) new DataView(bytes.buffer).setInt32(incompleteAt, 1, true);
    return true;
  } catch (error) {
    if (hasErrno(error, "EAGAIN")) return false;
    throw error;
  }
}
