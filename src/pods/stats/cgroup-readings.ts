import type { CgroupAccounting, CgroupStats, Cgroups } from "../../cgroups/port.ts";
import type { CgroupPath } from "../../ids/path.ts";
import type { Patience } from "../../observe/patience.ts";
import type { Tellable } from "./tellable.ts";

/** What the kernel counts for control groups. Who has no time left to read is told what was read last, with its own time. */
export class CgroupReadings {
  readonly #cgroups: Pick<Cgroups, "stats" | "accounting">;
  readonly #tellable: Tellable;
  readonly #last = new Map<string, CgroupStats>();

  constructor(cgroups: Pick<Cgroups, "stats" | "accounting">, tellable: Tellable) {
    this.#cgroups = cgroups;
    this.#tellable = tellable;
  }

  /** @param id of the pod or container whose group it is. */
  stats(id: string, path: CgroupPath, patience: Patience): CgroupStats | undefined {
    if (patience.isOver) return this.#last.get(id);
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
}
