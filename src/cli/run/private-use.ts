import { type HostPath, joinHostPath } from "../../ids/path.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import type { CliIo } from "../program/cli-io.ts";
import { waitForLock } from "./wait-for-lock.ts";

/**
 * One run's use of the private daemon over `root`: a shared lock from before the daemon is looked for until the run is over.
 * Who then gets the lock alone is the last, and may stop the daemon without taking it from anybody.
 */
export class PrivateUse implements Disposable {
  readonly #io: CliIo;
  readonly #lock: OwnedFd;

  private constructor(io: CliIo, lock: OwnedFd) {
    this.#io = io;
    this.#lock = lock;
  }

  /** Waits for a run that is just stopping the daemon. @throws {CribError} unavailable when that does not come to an end. */
  static async begin(io: CliIo, root: HostPath): Promise<PrivateUse> {
    return new PrivateUse(io, await waitForLock(io, joinHostPath(root, "run.lock"), "shared"));
  }

  /** True: no other run uses the daemon, and none begins to before this is disposed of. False: this run uses it no more. */
  isLast(): boolean {
    return this.#io.kernel().tryLockExclusive(this.#lock.fd);
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }
}
