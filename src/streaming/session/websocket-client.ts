import { ChannelReader } from "../websocket/channel-reader.ts";
import { sendToChannel } from "../websocket/channel-writer.ts";
import { CloseCode } from "../websocket/frame.ts";
import type { ChannelProtocol } from "../websocket/subprotocols.ts";
import { type ConnectionListener, WebSocketConnection } from "../websocket/websocket-connection.ts";
import type { Wire } from "../wire.ts";
import { type ExitStatus, jsonStatus, plainStatus } from "./exit-status.ts";
import type { RemoteClient, RemoteSession } from "./remote-client.ts";
import { ResizeReader } from "./resize-reader.ts";

/** Numbers of the streams, the same in every version. */
const Channel = { Stdin: 0, Stdout: 1, Stderr: 2, Error: 3, Resize: 4 } as const;

interface WebSocketClientOptions {
  readonly wire: Wire;
  readonly protocol: ChannelProtocol;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<boolean>;
  /** The channel of the empty message that tells the client it is joined to the process; the field's servers have one, too. */
  readonly greet: "stdout" | "stderr" | "error";
  startSession(client: RemoteClient): RemoteSession;
}

/** Exec and attach in the channel protocols. */
export class WebSocketClient implements RemoteClient, ConnectionListener {
  readonly #protocol: ChannelProtocol;
  readonly #connection: WebSocketConnection;
  readonly #greet: number;
  readonly #session: RemoteSession;

  constructor({ wire, protocol, sleep, greet, startSession }: WebSocketClientOptions) {
    this.#protocol = protocol;
    const resize = new ResizeReader((columns, rows) => this.#session.resize(columns, rows));
    const reader = new ChannelReader(protocol, {
      onChannelData: (channel, bytes) => {
        if (channel === Channel.Stdin) this.#session.stdin(bytes);
        else if (channel === Channel.Resize) resize.push(bytes);
      },
      onChannelClose: (channel) => {
        if (channel > Channel.Resize) this.#connection.fail(CloseCode.ProtocolError, "close signal for no channel");
        else if (channel === Channel.Stdin) this.#session.stdinEnd();
      },
      onViolation: (code, reason) => this.#connection.fail(code, reason),
    });
    this.#connection = new WebSocketConnection(wire, reader, this, sleep);
    this.#greet = greet === "error" ? Channel.Error : greet === "stderr" ? Channel.Stderr : Channel.Stdout;
    this.#session = startSession(this);
  }

  joined(): void {
    this.#send(this.#greet, new Uint8Array());
  }

  output(stream: "stdout" | "stderr", bytes: Uint8Array): boolean {
    return this.#send(stream === "stdout" ? Channel.Stdout : Channel.Stderr, bytes);
  }

  finish(status: ExitStatus): void {
    const text = this.#protocol.jsonStatus ? jsonStatus(status) : plainStatus(status);
    if (text !== "") this.#send(Channel.Error, new TextEncoder().encode(text));
    this.#connection.close(CloseCode.Normal, "");
  }

  pauseInput(): void {
    this.#connection.pause();
  }

  resumeInput(): void {
    this.#connection.resume();
  }

  onDrain(): void {
    this.#session.drained();
  }

  onGone(reason: string): void {
    this.#session.gone(reason);
  }

  #send(channel: number, bytes: Uint8Array): boolean {
    return sendToChannel(this.#connection, this.#protocol, channel, bytes);
  }
}
