import { ChannelReader } from "../websocket/channel-reader.ts";
import { sendToChannel } from "../websocket/channel-writer.ts";
import { CloseCode } from "../websocket/frame.ts";
import type { ChannelProtocol } from "../websocket/subprotocols.ts";
import { type ConnectionListener, WebSocketConnection } from "../websocket/websocket-connection.ts";
import type { Wire } from "../wire.ts";
import { ForwardedConnection } from "./forwarded-connection.ts";
import { IdleTimer } from "./idle-timer.ts";
import type { PortForwardHost } from "./port-forward-host.ts";

/**
 * Port-forward in the channel protocols: of the n-th port channel 2n is the data and 2n+1 the errors, and the first message
 * of each is the port, two bytes, the low one first. One connection a port; there is no half-close.
 */
export class WebSocketPortForward implements ConnectionListener {
  readonly #protocol: ChannelProtocol;
  readonly #connection: WebSocketConnection;
  readonly #idle: IdleTimer;
  readonly #forwarded: readonly ForwardedConnection[];
  readonly #holding = new Set<number>();
  #open: number;

  constructor(wire: Wire, protocol: ChannelProtocol, ports: readonly number[], host: PortForwardHost) {
    this.#protocol = protocol;
    this.#open = ports.length;
    const reader = new ChannelReader(protocol, {
      onChannelData: (channel, bytes) => {
        if (channel % 2 === 0) this.#forwarded[channel / 2]?.data(bytes);
      },
      onChannelClose: () => undefined,
      onViolation: (code, reason) => this.#connection.fail(code, reason),
    });
    this.#connection = new WebSocketConnection(wire, reader, this, (ms, signal) => host.clock.sleep(ms, signal));
    this.#idle = new IdleTimer(host.clock, host.idleTimeoutMs, () => {
      host.log.info({ ports }, "port-forward ended: nothing came or went");
      this.#close(CloseCode.GoingAway, "idle for too long");
    });
    for (const [at, port] of ports.entries()) {
      const number = Uint8Array.of(port & 0xff, port >> 8);
      this.#send(at * 2, number);
      this.#send(at * 2 + 1, number);
    }
    this.#forwarded = ports.map((port, at) => this.#forward(port, at, host));
  }

  onDrain(): void {
    for (const forwarded of this.#forwarded) forwarded.drained();
  }

  onGone(): void {
    this.#letGo();
  }

  #forward(port: number, at: number, host: PortForwardHost): ForwardedConnection {
    return new ForwardedConnection(
      port,
      () => host.connect(port),
      {
        data: (bytes) => this.#send(at * 2, bytes),
        dataEnd: () => undefined,
        pauseInput: () => this.#hold(at, true),
        resumeInput: () => this.#hold(at, false),
        over: (problem) => {
          if (problem !== undefined) this.#send(at * 2 + 1, new TextEncoder().encode(problem));
          this.#hold(at, false);
          this.#open -= 1;
          if (this.#open === 0) this.#close(CloseCode.Normal, "");
        },
      },
      { log: host.log, touch: () => this.#idle.touch() },
    );
  }

  /** All channels share one connection: the slowest holds it. */
  #hold(at: number, full: boolean): void {
    if (full) this.#holding.add(at);
    else this.#holding.delete(at);
    if (this.#holding.size > 0) this.#connection.pause();
    else this.#connection.resume();
  }

  #close(code: CloseCode, reason: string): void {
    this.#letGo();
    this.#connection.close(code, reason);
  }

  #letGo(): void {
    this.#idle[Symbol.dispose]();
    for (const forwarded of this.#forwarded) forwarded.gone();
  }

  #send(channel: number, bytes: Uint8Array): boolean {
    return sendToChannel(this.#connection, this.#protocol, channel, bytes);
  }
}
