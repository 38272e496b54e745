/**
 * What became of a setting that has changed: taken over, waiting for a restart of the daemon, or not taken over for a reason that
 * is told; then what was there before holds, and the next reload tries again.
 */
export interface ReloadedSetting {
  /** As the file has it: "registry.hosts_dirs". */
  readonly key: string;
  readonly outcome: "applied" | "needs-restart" | "failed";
  /** Of one that failed. */
  readonly why: string;
}

/** Reads the configuration again. @throws {CribError} invalid-argument: it cannot be used, and nothing was changed. */
export type ReloadConfig = () => Promise<readonly ReloadedSetting[]>;
