import type { SpdyStream } from "../spdy/spdy-stream.ts";
import { ForwardedConnection } from "./forwarded-connection.ts";
import { IdleTimer } from "./idle-timer.ts";
import type { PortForwardHost } from "./port-forward-host.ts";
import { openSpdy, type SpdyCarrier, type SpdyTransport } from "./spdy-transport.ts";

/** Negotiated by `X-Stream-Protocol-Version`. */
export const spdyPortForwardProtocol = "portforward.k8s.io";

/** How long a connection's first stream waits for its second. */
const pairingMs = 30_000;

interface HalfPair {
  readonly type: "data" | "error";
  readonly stream: SpdyStream;
  readonly expiry: AbortController;
}

/**
 * Port-forward over SPDY: each connection is a pair of streams, `data` and `error`, with the same `port` and `requestid`. As many
 * at once as there may be streams.
 */
export class SpdyPortForward {
  readonly #host: PortForwardHost;
  readonly #transport: SpdyTransport;
  readonly #idle: IdleTimer;
  /** Streams without their other half, by request id. */
  readonly #half = new Map<string, HalfPair>();
  readonly #forwarded = new Set<ForwardedConnection>();

  constructor(carrier: SpdyCarrier, host: PortForwardHost) {
    this.#host = host;
    this.#idle = new IdleTimer(host.clock, host.idleTimeoutMs, () => {
      host.log.info({}, "port-forward ended: nothing came or went");
      this.#letGo();
      this.#transport.leave();
    });
    this.#transport = openSpdy(
      carrier,
      host.clock,
      (stream) => this.#accept(stream),
      () => this.#letGo(),
    );
  }

  #accept(stream: SpdyStream): void {
    const type = stream.headers.get("streamtype");
    const port = parsePort(stream.headers.get("port"));
    if ((type !== "data" && type !== "error") || port === undefined) {
      stream.refuse();
      return;
    }
    const id = stream.headers.get("requestid") ?? impliedRequestId(stream, type);
    const other = this.#half.get(id);
    if (other === undefined) {
      stream.reply();
      this.#await(id, type, stream);
    } else if (other.type === type || parsePort(other.stream.headers.get("port")) !== port) {
      stream.refuse();
    } else {
      stream.reply();
      this.#half.delete(id);
      other.expiry.abort();
      if (type === "data") this.#connect(port, stream, other.stream);
      else this.#connect(port, other.stream, stream);
    }
  }

  #await(id: string, type: "data" | "error", stream: SpdyStream): void {
    const expiry = new AbortController();
    this.#half.set(id, { type, stream, expiry });
    stream.onReset(() => {
      expiry.abort();
      if (this.#half.get(id)?.stream === stream) this.#half.delete(id);
    });
    void this.#host.clock.sleep(pairingMs, expiry.signal).then((passed) => {
      if (!passed) return;
      this.#half.delete(id);
      stream.reset();
    });
  }

  #connect(port: number, data: SpdyStream, error: SpdyStream): void {
    const connection = new ForwardedConnection(
      port,
      () => this.#host.connect(port),
      {
        data: (bytes) => data.write(bytes),
        dataEnd: () => data.end(),
        pauseInput: () => data.pause(),
        resumeInput: () => data.resume(),
        over: (problem) => {
          this.#forwarded.delete(connection);
          if (problem !== undefined) error.write(new TextEncoder().encode(problem));
          error.end();
          // Whatever the client still sends has nowhere to go.
          if (problem === undefined) data.end();
          data.reset();
        },
      },
      { log: this.#host.log, touch: () => this.#idle.touch() },
    );
    this.#forwarded.add(connection);
    const drop = () => {
      this.#forwarded.delete(connection);
      connection.gone();
    };
    data.onData((bytes) => {
      if (bytes === undefined) connection.dataEnd();
      else connection.data(bytes);
    });
    data.onDrain(() => connection.drained());
    // The client ends its half at once: nothing comes here.
    error.onData(() => undefined);
    data.onReset(() => {
      drop();
      error.reset();
    });
    error.onReset(() => {
      drop();
      data.reset();
    });
  }

  #letGo(): void {
    this.#idle[Symbol.dispose]();
    for (const { expiry } of this.#half.values()) expiry.abort();
    this.#half.clear();
    for (const connection of this.#forwarded) connection.gone();
    this.#forwarded.clear();
  }
}

/** 1 to 65535 in plain decimal. */
function parsePort(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9][0-9]{0,4}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

/** Clients of before Kubernetes 1.1 name no request: they open the error stream first and the data stream next. */
function impliedRequestId(stream: SpdyStream, type: "data" | "error"): string {
  return String(type === "error" ? stream.id : stream.id - 2);
}
