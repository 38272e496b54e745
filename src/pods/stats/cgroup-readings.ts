import type { CgroupAccounting, CgroupStats, Cgroups } from "../../cgroups/port.ts";
import type { CgroupPath } from "../../ids/path.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Patience } from "../../observe/patience.ts";
import type { Tellable } from "./tellable.ts";

/** Clients that ask at the same time are told of one reading, which takes some 30 system calls. */
const sharedNs = 100_000_000n;

/**
 * What the kernel counts for control groups, with the time at which it was read. Who has no time left to read is told what was read
 * last.
 */
export class CgroupReadings {
  readonly #cgroups: Pick<Cgroups, "stats" | "accounting">;
  readonly #clock: Pick<Clock, "now">;
  readonly #tellable: Pick<Tellable, "read">;
  readonly #last = new Map<string, CgroupStats>();

  constructor(
    cgroups: Pick<Cgroups, "stats" | "accounting">,
    clock: Pick<Clock, "now">,
    tellable: Pick<Tellable, "read">,
  ) {
    this.#cgroups = cgroups;
    this.#clock = clock;
    this.#tellable = tellable;
  }

  /** @param id of the pod or container whose group it is. */
  stats(id: string, path: CgroupPath, patience: Patience): CgroupStats | undefined {
    const last = this.#last.get(id);
    if (patience.isOver || (last !== undefined && this.#isShared(last))) return last;
    const stats = this.#tellable.read("cgroup", id, () => this.#cgroups.stats(path));
    if (stats !== undefined) this.#last.set(id, stats);
    return stats;
  }

  accounting(id: string, path: CgroupPath, patience: Patience): CgroupAccounting | undefined {
    return patience.isOver ? undefined : this.#tellable.read("cgroup", id, () => this.#cgroups.accounting(path));
  }

  forget(id: string): void {
    this.#last.delete(id);
  }

  /** Not for a clock that was set back. */
  #isShared({ timestampNs }: CgroupStats): boolean {
    const ageNs = this.#clock.now() - timestampNs;
    return ageNs >= 0n && ageNs < sharedNs;
  }
}
