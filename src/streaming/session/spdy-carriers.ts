import { CloseCode, Opcode } from "../websocket/frame.ts";
import { maxSentBytes, WebSocketConnection } from "../websocket/websocket-connection.ts";
import type { Wire } from "../wire.ts";
import type { SpdyCarrier } from "./spdy-transport.ts";

/** SPDY straight on the socket. */
export function wireCarrier(wire: Wire): SpdyCarrier {
  return {
    send: (bytes) => wire.send(bytes),
    pause: () => wire.pause(),
    resume: () => wire.resume(),
    finish: () => wire.finish(),
    handle: (handler) =>
      wire.handle({
        onData: (bytes) => handler.receive(bytes),
        onDrain: () => handler.drained(),
        onGone: (reason) => handler.gone(reason),
      }),
  };
}

/** SPDY within binary messages, cut wherever it suits the sender (KEP-4006). */
export function tunnelCarrier(wire: Wire, sleep: (ms: number, signal: AbortSignal) => Promise<boolean>): SpdyCarrier {
  let connection: WebSocketConnection | undefined;
  return {
    send(bytes) {
      let taken = true;
      for (let at = 0; at < bytes.length; at += maxSentBytes) {
        taken = connection?.send(Opcode.Binary, undefined, bytes.subarray(at, at + maxSentBytes)) ?? true;
      }
      return taken;
    },
    pause: () => connection?.pause(),
    resume: () => connection?.resume(),
    finish: () => connection?.close(CloseCode.Normal, ""),
    handle(handler) {
      connection = new WebSocketConnection(
        wire,
        {
          onMessageStart: (opcode) => {
            if (opcode !== Opcode.Binary) connection?.fail(CloseCode.UnsupportedData, "binary messages only");
          },
          onPiece: (piece) => handler.receive(piece),
          onMessageEnd: () => undefined,
        },
        {
          onDrain: () => handler.drained(),
          onGone: (reason) => handler.gone(reason),
        },
        sleep,
      );
    },
  };
}
