import type { Clock } from "../../observe/clock.ts";
import type { SpdyStream } from "../spdy/spdy-stream.ts";
import { type ExitStatus, jsonStatus, plainStatus } from "./exit-status.ts";
import type { RemoteClient, RemoteSession } from "./remote-client.ts";
import { ResizeReader } from "./resize-reader.ts";
import { openSpdy, type SpdyCarrier, type SpdyTransport } from "./spdy-transport.ts";

/** How long a client may take to open all its streams; the field's default. */
const streamCreationMs = 30_000;

/** Versions of the remote command protocol over SPDY, newest first. */
export const spdyRemoteCommandProtocols = [
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
] as const;
export type SpdyRemoteCommandProtocol = (typeof spdyRemoteCommandProtocols)[number];

const streamTypes = ["error", "stdin", "stdout", "stderr", "resize"] as const;
type StreamType = (typeof streamTypes)[number];

interface SpdyClientOptions {
  readonly carrier: SpdyCarrier;
  readonly protocol: SpdyRemoteCommandProtocol;
  readonly wants: {
    readonly terminal: boolean;
    readonly stdin: boolean;
    readonly stdout: boolean;
    readonly stderr: boolean;
  };
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
  startSession(client: RemoteClient): RemoteSession;
}

/**
 * Exec and attach over SPDY: one stream each for stdin, stdout, stderr, the status and the sizes, told apart by the header
 * `streamtype`. The command starts when the client has opened all that its request implies.
 */
export class SpdyClient implements RemoteClient {
  readonly #protocol: SpdyRemoteCommandProtocol;
  readonly #transport: SpdyTransport;
  readonly #expected: ReadonlySet<StreamType>;
  readonly #streams = new Map<StreamType, SpdyStream>();
  readonly #startSession: (client: RemoteClient) => RemoteSession;
  readonly #waiting = new AbortController();
  #session: RemoteSession | undefined;

  constructor({ carrier, protocol, wants, clock, startSession }: SpdyClientOptions) {
    this.#protocol = protocol;
    this.#startSession = startSession;
    const resizes = wants.terminal && (protocol === "v4.channel.k8s.io" || protocol === "v3.channel.k8s.io");
    this.#expected = new Set(
      streamTypes.filter((type) => type === "error" || (type === "resize" ? resizes : wants[type])),
    );
    this.#transport = openSpdy(
      carrier,
      clock,
      (stream) => this.#accept(stream),
      (reason) => this.#gone(reason),
    );
    void clock.sleep(streamCreationMs, this.#waiting.signal).then((passed) => {
      if (passed) this.#transport.leave();
    });
  }

  joined(): void {
    // Its streams were answered when they were opened: SPDY has no word for more.
  }

  output(stream: "stdout" | "stderr", bytes: Uint8Array): boolean {
    return this.#streams.get(stream)?.write(bytes) ?? true;
  }

  finish(status: ExitStatus): void {
    this.#streams.get("stdout")?.end();
    this.#streams.get("stderr")?.end();
    const text = this.#protocol === "v4.channel.k8s.io" ? jsonStatus(status) : plainStatus(status);
    const error = this.#streams.get("error");
    if (text !== "") error?.write(new TextEncoder().encode(text));
    error?.end();
    this.#transport.leave();
  }

  pauseInput(): void {
    this.#streams.get("stdin")?.pause();
  }

  resumeInput(): void {
    this.#streams.get("stdin")?.resume();
  }

  #accept(stream: SpdyStream): void {
    const name = stream.headers.get("streamtype");
    const type = streamTypes.find((known) => known === name);
    if (type === undefined || !this.#expected.has(type) || this.#streams.has(type)) {
      stream.refuse();
      return;
    }
    this.#streams.set(type, stream);
    stream.reply();
    if (this.#streams.size < this.#expected.size) return;
    this.#waiting.abort();
    const session = this.#startSession(this);
    this.#session = session;
    this.#listen(session);
  }

  #listen(session: RemoteSession): void {
    const resize = new ResizeReader((columns, rows) => session.resize(columns, rows));
    const stdin = this.#streams.get("stdin");
    stdin?.onData((bytes) => {
      if (bytes === undefined) session.stdinEnd();
      else session.stdin(bytes);
    });
    stdin?.onReset(() => session.stdinEnd());
    this.#streams.get("resize")?.onData((bytes) => {
      if (bytes !== undefined) resize.push(bytes);
    });
    for (const type of ["stdout", "stderr", "error"] as const) {
      const stream = this.#streams.get(type);
      stream?.onDrain(() => session.drained());
      // What a client sends on a stream without a reader must not pile up.
      stream?.onData(() => undefined);
    }
  }

  #gone(reason: string): void {
    this.#waiting.abort();
    this.#session?.gone(reason);
  }
}
