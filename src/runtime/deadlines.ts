/**
 * How long a monitor may take to answer. It is one loop that answers within a millisecond unless it is stopped, or held by a
 * log on a file system that hangs; the caller is told, and the pod's monitor counts as unknown until it answers again.
 */
export const deadlines = {
  /** What only reads or writes its memory: list, signal, forget, resize and their like. */
  quickMs: 3_000,
  /** From the spawn to the answer to hello: a process must be started on a busy node. */
  launchedMs: 10_000,
  /** The answer to hello of a monitor that runs. */
  helloMs: 2_000,
  /** Namespaces: one of the network waits for the kernel's lock on all of them. */
  setupMs: 30_000,
  /** A spare has its namespaces already. One that is late is let go and another made. */
  spareSetupMs: 700,
  /** From a start or an exec to execve, where the caller sets no time of its own; hooks have theirs within. */
  startMs: 60_000,
  /** Its children are killed by then; one that does not die is waited for in vain. */
  shutdownMs: 4_000,
  /** The monitor waits for what is being started, tries the new executable and goes on in it; each of these is bounded. */
  renewMs: 10_000,
  /** During a shutdown: whether it still answers. */
  pingMs: 1_000,
} as const;
