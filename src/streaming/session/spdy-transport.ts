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

/**
 * @param onGone the client has left, broken the protocol or vanished; not called after `leave`.
 */
export function openSpdy(
  carrier: SpdyCarrier,
  clock: Pick<Clock, "monotonicMs">,
  onStream: (stream: SpdyStream) => void,
  onGone: (reason: string) => void,
): SpdyTransport {
  let over = false;
  let leaving = false;
  const connection = new SpdyConnection({
    write: (bytes) => carrier.send(bytes) || leaving,
    holdInput: (held) => {
      if (held) carrier.pause();
      else carrier.resume();
    },
    onStream,
    onClosed: (reason) => end(reason ?? "the client has left"),
    limits: defaultSpdyLimits,
    clock,
  });
  function end(reason: string): void {
    if (over) return;
    over = true;
    carrier.finish();
    onGone(reason);
  }
  carrier.handle({
    receive: (bytes) => connection.receive(bytes),
    drained: () => connection.drained(),
    gone: (reason) => {
      if (over) return;
      over = true;
      onGone(reason);
      connection[Symbol.dispose]();
    },
  });
  return {
    leave() {
      if (over) return;
      over = true;
      // What streams were told to hold back goes to the carrier now, which takes everything.
      leaving = true;
      connection.drained();
      connection.goAway();
      connection[Symbol.dispose]();
      carrier.finish();
    },
  };
}
