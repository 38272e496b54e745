import type { Clock } from "../../../observe/clock.ts";

/** What went wrong with a host lately. */
export interface HostFailure {
  readonly origin: string;
  readonly why: string;
}

const firstMemoryMs = 30_000;
const longestMemoryMs = 10 * 60_000;
const maxHosts = 1_000;

/**
 * What a daemon has learnt of registries and mirrors, across blobs and pulls: one that failed is asked last for a while, longer each
 * time, so that a dead mirror slows one request and not every one; one without ranges is not asked for them again, and what one's
 * bodies are like is known.
 */
export class HostHealth {
  readonly #clock: Clock;
  readonly #failures = new Map<string, { readonly why: string; readonly untilMs: number; readonly memoryMs: number }>();
  readonly #withoutRanges = new Set<string>();
  readonly #wrapping = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  failed(origin: string, why: string): void {
    const before = this.#failures.get(origin);
    const memoryMs = Math.min(longestMemoryMs, before === undefined ? firstMemoryMs : before.memoryMs * 2);
    this.#failures.delete(origin);
    this.#failures.set(origin, { why, untilMs: this.#clock.monotonicMs() + memoryMs, memoryMs });
    if (this.#failures.size > maxHosts) this.#forgetOldest();
  }

  worked(origin: string): void {
    this.#failures.delete(origin);
  }

  /** Undefined when nothing is known against it, or not any more. */
  failure(origin: string): HostFailure | undefined {
    const known = this.#failures.get(origin);
    return known === undefined || known.untilMs <= this.#clock.monotonicMs() ? undefined : { origin, why: known.why };
  }

  hasRanges(origin: string): boolean {
    return !this.#withoutRanges.has(origin);
  }

  lacksRanges(origin: string): void {
    if (this.#withoutRanges.size < maxHosts) this.#withoutRanges.add(origin);
  }

  /** Whether blobs of it come in chunks or an encoding, so that a receiver must look at each piece. */
  wraps(origin: string): boolean {
    return this.#wrapping.has(origin);
  }

  wrapped(origin: string): void {
    if (this.#wrapping.size < maxHosts) this.#wrapping.add(origin);
  }

  #forgetOldest(): void {
    for (const origin of this.#failures.keys()) {
      this.#failures.delete(origin);
      return;
    }
  }
}
