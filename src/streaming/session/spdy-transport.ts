import type { Clock } from "../../observe/clock.ts";
import { SpdyConnection } from "../spdy/spdy-connection.ts";
import { defaultSpdyLimits } from "../spdy/spdy-limits.ts";
import type { SpdyStream } from "../spdy/spdy-stream.ts";

/** Where a SPDY connection's bytes go: a socket after `Upgrade: SPDY/3.1`, or the messages of a WebSocket that tunnels it. */
export interface SpdyCarrier {
  /** Takes all of `bytes`. False: hold back until `drained`. */
  send(bytes: Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Ends it, behind everything sent. */
  finish(): void;
  handle(handler: SpdyCarrierHandler): void;
}

export interface SpdyCarrierHandler {
  receive(bytes: Uint8Array): void;
  drained(): void;
  gone(reason: string): void;
}

/** A SPDY connection on a carrier. */
export interface SpdyTransport {
  /** Ends the connection behind what was sent; streams still open end with it. */
  leave(): void;
}

/** How often a client is pinged that is not read from. */
const pingMs = 15_000;

/**
 * @param onGone the client has left, broken the protocol or vanished; not called after `leave`.
 */
export function openSpdy(
  carrier: SpdyCarrier,
  clock: Pick<Clock, "monotonicMs" | "sleep">,
  onStream: (stream: SpdyStream) => void,
  onGone: (reason: string) => void,
): SpdyTransport {
  let over = false;
  let leaving = false;
  let held: AbortController | undefined;
  const connection = new SpdyConnection({
    write: (bytes) => carrier.send(bytes) || leaving,
    holdInput: (hold) => {
      held?.abort();
      held = hold ? new AbortController() : undefined;
      if (held === undefined) carrier.resume();
      else {
        carrier.pause();
        void pingUntil(held.signal);
      }
    },
    onStream,
    onClosed: (reason) => end(reason ?? "the client has left"),
    limits: defaultSpdyLimits,
    clock,
  });
  /** A client whose input is held can end its connection without anybody reading of it. */
  async function pingUntil(signal: AbortSignal): Promise<void> {
    while (await clock.sleep(pingMs, signal)) connection.ping();
  }
  function end(reason: string): void {
    if (over) return;
    over = true;
    held?.abort();
    carrier.finish();
    onGone(reason);
  }
  carrier.handle({
    receive: (bytes) => connection.receive(bytes),
    drained: () => connection.drained(),
    gone: (reason) => {
      if (over) return;
      over = true;
      held?.abort();
      onGone(reason);
      connection[Symbol.dispose]();
    },
  });
  return {
    leave() {
      if (over) return;
      over = true;
      held?.abort();
      // What streams were told to hold back goes to the carrier now, which takes everything.
      leaving = true;
      connection.drained();
      connection.goAway();
      connection[Symbol.dispose]();
      carrier.finish();
    },
  };
}
