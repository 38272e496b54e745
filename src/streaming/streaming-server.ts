import { isIPv6 } from "node:net";
import type { Socket, TCPSocketListener } from "bun";
import type { Config } from "../config/config.ts";
import { unavailable } from "../errors/crib-error.ts";
import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";
import type { QuietMoments } from "../observe/quiet-moments.ts";
import { RateBudget } from "../observe/rate-budget.ts";
import type { PodStreams } from "../pods/streams.ts";
import type { CheckedRequest } from "./http/check-request.ts";
import type { RequestHead } from "./http/request-head.ts";
import { refusalBytes } from "./http/responses.ts";
import { serveConnection } from "./stream-connection.ts";
import type { StreamRequest } from "./stream-request.ts";
import { StreamTokens } from "./stream-tokens.ts";
import { negotiate, type Upgrade } from "./stream-upgrade.ts";
import { type TlsFiles, watchTlsFiles } from "./tls-files.ts";
import { Wire } from "./wire.ts";

/** What the CRI's handlers need of streaming. */
export interface StreamUrls {
  /**
   * Where a client connects for what is asked, within a minute and once. The URL is a secret.
   *
   * @throws {CribError} resource-exhausted when too many URLs wait for their clients.
   */
  urlFor(request: StreamRequest): string;
}

export interface StreamingServer extends StreamUrls, AsyncDisposable {
  /** The port listened on. */
  readonly port: number;
  /** Connections there are, for tests of what a client leaves behind. */
  readonly connections: number;
}

interface StreamingDeps {
  readonly config: Config["streaming"];
  readonly pods: PodStreams;
  readonly clock: Clock;
  readonly log: Log;
  readonly quietMoments: Pick<QuietMoments, "moved">;
}

/** Connections at once: of clients that were let in, and of those that have not yet said what they want. */
const maxConnections = 4096;
const maxSilent = 256;
/** Wrong tokens answered with the plain truth; our clients make none, save for a URL that waited for too long. Right ones never wait for it. */
const missAllowance = { burst: 32, perSecond: 1 };

/**
 * Serves exec, attach and port-forward over WebSocket and SPDY/3.1.
 *
 * @throws {CribError} unavailable when the address cannot be listened on, invalid-argument when certificate or key are unusable.
 */
export function openStreamingServer({ config, pods, clock, log, quietMoments }: StreamingDeps): StreamingServer {
  const tokens = new StreamTokens(clock);
  const misses = new RateBudget(missAllowance, clock);
  const wires = new Set<Wire>();
  /** Those without a whole head, the oldest first. */
  const silent = new Set<Wire>();

  function upgrade(head: RequestHead, { kind, token, upgrade: protocol }: CheckedRequest): Upgrade {
    const request = tokens.redeem(token);
    if (request === undefined || request.kind !== kind) {
      return misses.spend()
        ? { refusal: { status: 404, reason: "not found" } }
        : { refusal: { status: 429, reason: "too many wrong tokens" } };
    }
    return negotiate(head, protocol, request, { pods, clock, log, idleTimeoutMs: config.idleTimeoutMs });
  }

  function accept(socket: Socket<SocketData>): void {
    const wire = new Wire(socket, clock, (bytes) => quietMoments.moved(bytes));
    socket.data = { wire };
    if (wires.size >= maxConnections) {
      socket.write(refusalBytes({ status: 503, reason: "too many streams" }));
      wire.destroy();
      return;
    }
    // Notices clients that vanish without a word while nothing is sent to them.
    socket.setKeepAlive(true, keepAliveMs);
    wires.add(wire);
    silent.add(wire);
    const [oldest] = silent;
    if (silent.size > maxSilent && oldest !== undefined) oldest.gone("too many connections say nothing");
    serveConnection(wire, { clock, host: config.address, upgrade, onHead: () => void silent.delete(wire) });
  }

  function forget(socket: Socket<SocketData>, reason: string): void {
    const wire = socket.data?.wire;
    if (wire === undefined) return;
    wires.delete(wire);
    silent.delete(wire);
    wire.gone(reason);
  }

  function listen(port: number, tls: TlsFiles | undefined): TCPSocketListener<SocketData> {
    try {
      return Bun.listen<SocketData>({
        hostname: config.address,
        port,
        allowHalfOpen: true,
        // So that a listener with a new certificate can take over the port of the old one.
        ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key }, reusePort: true }),
        socket: {
          open: accept,
          data: (socket, bytes) => socket.data.wire.received(bytes),
          drain: (socket) => socket.data.wire.writable(),
          end: (socket) => forget(socket, "the client has closed"),
          close: (socket) => forget(socket, "the connection is closed"),
          error: (socket, error) => forget(socket, error.message),
        },
      });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw unavailable(`cannot listen on ${config.address}:${port} for streams: ${message}`, error);
    }
  }

  const files = config.tls === undefined ? undefined : watchTlsFiles(config.tls, { clock, log });
  let listener = listen(config.port, files?.current);
  const { port } = listener;
  files?.onChange((changed) => {
    const next = listen(port, changed);
    listener.stop();
    listener = next;
    log.info({ port }, "streams are served with a new certificate");
  });
  const host = isIPv6(config.address) ? `[${config.address}]` : config.address;
  const base = `${config.tls === undefined ? "http" : "https"}://${host}:${port}`;

  return {
    port,
    get connections() {
      return wires.size;
    },
    urlFor: (request) => `${base}/${request.kind}/${tokens.issue(request)}`,
    async [Symbol.asyncDispose]() {
      files?.[Symbol.dispose]();
      listener.stop();
      for (const wire of wires) wire.gone("the daemon stops");
    },
  };
}

interface SocketData {
  wire: Wire;
}

const keepAliveMs = 15_000;
