import type { CribError } from "../../../errors/crib-error.ts";
import { FrameKind } from "../wire-numbers.ts";
import type { Frame } from "./frames.ts";
import { MonitorError, readFailure } from "./launch-failure.ts";
import { WireReader } from "./wire-reader.ts";

interface Waiter {
  /** Called right before the answer is given, should it be a good one. */
  readonly onOk: (() => void) | undefined;
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

const largestNumber = 0xffff_ffff;

/** Requests that a monitor has not answered yet; an answer finds its request by number. */
export class OpenRequests {
  readonly #waiters = new Map<number, Waiter>();
  #next = 1;

  /** A number for the next request; 0 is that of events. */
  nextNumber(): number {
    const number = this.#next;
    this.#next = number === largestNumber ? 1 : number + 1;
    return number;
  }

  /** The answer to the request of this number; rejects with a {@link MonitorError} when the monitor says that something was wrong. */
  answerTo(number: number, onOk?: () => void): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.#waiters.set(number, { onOk, resolve, reject });
    return promise;
  }

  /** Rejects the request with `reason`; should the answer still come and be a good one, `onLate` is called. */
  giveUp(number: number, reason: Error, onLate: () => void): void {
    const waiter = this.#waiters.get(number);
    if (waiter === undefined) return;
    this.#waiters.set(number, { onOk: onLate, resolve: () => undefined, reject: () => undefined });
    waiter.reject(reason);
  }

  /** An answer without a request is dropped. */
  settle({ request, kind, payload }: Frame): void {
    const waiter = this.#waiters.get(request);
    if (waiter === undefined) return;
    this.#waiters.delete(request);
    if (kind === FrameKind.ok) {
      waiter.onOk?.();
      waiter.resolve(payload);
    } else {
      waiter.reject(new MonitorError(readFailure(new WireReader(payload))));
    }
  }

  rejectAll(reason: CribError): void {
    for (const { reject } of this.#waiters.values()) reject(reason);
    this.#waiters.clear();
  }
}
