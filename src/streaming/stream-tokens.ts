import { CribError } from "../errors/crib-error.ts";
import type { Clock } from "../observe/clock.ts";
import type { StreamRequest } from "./stream-request.ts";

/** How long a URL may wait for its client; the kubelet and crictl connect at once. */
const lifetimeMs = 60_000;
/** URLs that are not used yet. A client that asks for more without connecting is broken. */
const maxOutstanding = 1000;
const tokenBytes = 16;

/**
 * The right to one stream: 128 random bits that are good once and for a minute.
 *
 * The port is open to every process in the host's network namespace, so the token is all that stands between a neighbour
 * and a shell. It is looked up in a hash table: what the time of that tells about 128 bits is nothing.
 */
export class StreamTokens {
  readonly #clock: Pick<Clock, "monotonicMs">;
  /** In the order of their making, so also of their expiry. */
  readonly #waiting = new Map<string, { readonly request: StreamRequest; readonly expiresAtMs: number }>();

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** @throws {CribError} resource-exhausted when too many wait already. */
  issue(request: StreamRequest): string {
    this.#dropExpired();
    if (this.#waiting.size >= maxOutstanding) {
      throw new CribError(
        "resource-exhausted",
        `${maxOutstanding} streams were asked for and not connected to; try again within ${lifetimeMs / 1000} s`,
      );
    }
    const token = Buffer.from(crypto.getRandomValues(new Uint8Array(tokenBytes))).toString("base64url");
    this.#waiting.set(token, { request, expiresAtMs: this.#clock.monotonicMs() + lifetimeMs });
    return token;
  }

  /** What the token stands for, once; undefined for one that is unknown, used or too old. */
  redeem(token: string): StreamRequest | undefined {
    this.#dropExpired();
    const found = this.#waiting.get(token);
    this.#waiting.delete(token);
    return found?.request;
  }

  get outstanding(): number {
    return this.#waiting.size;
  }

  #dropExpired(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [token, { expiresAtMs }] of this.#waiting) {
      if (expiresAtMs > nowMs) break;
      this.#waiting.delete(token);
    }
  }
}
