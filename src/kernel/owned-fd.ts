import type { Fd } from "../ids/process.ts";
import type { FileCalls } from "./port.ts";

/** A descriptor that closes itself: `using dir = new OwnedFd(kernel, kernel.open(…))`. */
export class OwnedFd implements Disposable {
  readonly #closer: Pick<FileCalls, "close">;
  readonly #fd: Fd;
  #owned = true;

  constructor(closer: Pick<FileCalls, "close">, fd: Fd) {
    this.#closer = closer;
    this.#fd = fd;
  }

  get fd(): Fd {
    return this.#fd;
  }

  /** Hands the descriptor to the caller, who closes it from now on. */
  release(): Fd {
    this.#owned = false;
    return this.#fd;
  }

  [Symbol.dispose](): void {
    if (!this.#owned) return;
    this.#owned = false;
    this.#closer.close(this.#fd);
  }
}
