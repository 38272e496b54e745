import { parseSessionStatus, type SessionEnd } from "./session-status.ts";
import { dialWebSocket, opened, roomToSend, sendToChannel } from "./web-socket.ts";

/** Channels of v5.channel.k8s.io: the first byte of each binary message (KEP-4006). */
const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
const subprotocol = "v5.channel.k8s.io";

/** More than a pipe holds; small enough that the first byte of a slow reader's input is not long on its way. */
const maxMessageBytes = 256 << 10;

export interface SessionListeners {
  /** Bytes are only valid during the call. What is returned is waited for before more is read. */
  onOutput(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void>;
}

/**
 * One exec or attachment, as a client of the daemon's streaming server over WebSocket.
 *
 * Disposing of it before it has ended hangs up: an exec's command is then killed, an attachment only taken off.
 */
export class SessionClient implements Disposable {
  readonly #socket: WebSocket;
  readonly #joined = Promise.withResolvers<void>();
  readonly #end = Promise.withResolvers<SessionEnd>();
  #lastWords = "";
  #writing: Promise<void> = Promise.resolve();

  private constructor(socket: WebSocket, listeners: SessionListeners) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(new Uint8Array(data as ArrayBuffer), listeners);
    socket.onclose = ({ reason }) => this.#closed(reason);
  }

  /** @throws {CribError} unavailable when the daemon's streaming server cannot be reached or refuses. */
  static async open(url: string, listeners: SessionListeners): Promise<SessionClient> {
    const socket = dialWebSocket(url, subprotocol);
    const client = new SessionClient(socket, listeners);
    await opened(socket);
    return client;
  }

  /** Resolves when everything was said and shown. */
  get ended(): Promise<SessionEnd> {
    return this.#end.promise;
  }

  /** Resolves when the process's output comes here from then on, or the session has ended without. */
  get joined(): Promise<void> {
    return this.#joined.promise;
  }

  async sendInput(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += maxMessageBytes) {
      sendToChannel(this.#socket, channels.stdin, bytes.subarray(at, at + maxMessageBytes));
      await roomToSend(this.#socket);
    }
  }

  endInput(): void {
    sendToChannel(this.#socket, channels.close, Uint8Array.of(channels.stdin));
  }

  resize(columns: number, rows: number): void {
    sendToChannel(this.#socket, channels.resize, Buffer.from(JSON.stringify({ Width: columns, Height: rows })));
  }

  #receive(message: Uint8Array, listeners: SessionListeners): void {
    const payload = message.subarray(1);
    // The first message is empty and says that the process is there.
    this.#joined.resolve();
    switch (message[0]) {
      case channels.stdout:
        this.#show(listeners.onOutput("stdout", payload));
        return;
      case channels.stderr:
        this.#show(listeners.onOutput("stderr", payload));
        return;
      case channels.error:
        this.#lastWords += Buffer.from(payload).toString("utf8");
        return;
      default:
        // v5 announces the end of each output; the end of the session says the same.
        return;
    }
  }

  /** Nothing more is read while a slow reader of ours has not taken what was. */
  #show(shown: Promise<void>): void {
    this.#socket.pause();
    const writing = Promise.all([this.#writing, shown]).then(() => {
      if (this.#writing === writing) this.#socket.resume();
    });
    this.#writing = writing;
  }

  #closed(reason: string): void {
    this.#joined.resolve();
    const end: SessionEnd =
      this.#lastWords === ""
        ? { kind: "failed", message: reason === "" ? "the daemon ended the session without a word" : reason }
        : parseSessionStatus(this.#lastWords);
    this.#writing.then(
      () => this.#end.resolve(end),
      (error: unknown) => this.#end.reject(error),
    );
  }

  [Symbol.dispose](): void {
    if (this.#socket.readyState !== WebSocket.CLOSED) this.#socket.terminate();
  }
}
