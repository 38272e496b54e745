import type { CliIo } from "../program/cli-io.ts";

/** Ctrl-C during a run: the first asks the container to stop, the next kills it. */
export class Interrupts implements Disposable {
  readonly #first = new AbortController();
  readonly #subscription: Disposable;
  #count = 0;
  #stop: (() => Promise<unknown>) | undefined;
  #kill: (() => Promise<unknown>) | undefined;

  constructor(io: CliIo) {
    this.#subscription = io.onInterrupt(() => this.#onInterrupt());
  }

  /** Aborts at the first: whatever comes before the container runs ends then. */
  get first(): AbortSignal {
    return this.#first.signal;
  }

  /** From now on interrupts reach the container; one that came before counts. */
  forward(stop: () => Promise<unknown>, kill: () => Promise<unknown>): void {
    this.#stop = stop;
    this.#kill = kill;
    if (this.#count > 0) this.#send(stop);
  }

  #onInterrupt(): void {
    this.#count += 1;
    this.#first.abort();
    const deed = this.#count === 1 ? this.#stop : this.#kill;
    if (deed !== undefined) this.#send(deed);
  }

  #send(deed: () => Promise<unknown>): void {
    // A stop that fails shows in the container going on; the next Ctrl-C kills it.
    deed().catch(() => undefined);
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }
}
