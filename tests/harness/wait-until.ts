import { timeFactor } from "./time-factor.ts";

/** How long to wait, and what for: the words of the error when the bound is reached. */
export interface WaitOptions {
  readonly what: string;
  readonly boundMs?: number;
}

type Truthy<T> = Exclude<T, false | null | undefined | 0 | "">;

const POLL_MS = 10;

/**
 * Polls `condition` until it returns something truthy, and returns that. A throwing condition counts as not yet;
 * its last error ends up in the message when the bound is reached.
 */
export async function waitUntil<T>(condition: () => T | Promise<T>, options: WaitOptions): Promise<Truthy<T>> {
  const boundMs = (options.boundMs ?? 10_000) * timeFactor();
  const deadline = performance.now() + boundMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value as Truthy<T>;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      const detail = lastError === undefined ? "" : `: ${String(lastError)}`;
      throw new Error(`not within ${boundMs} ms: ${options.what}${detail}`);
    }
    await Bun.sleep(POLL_MS);
  }
}
