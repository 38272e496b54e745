import { connect } from "node:net";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { parseListenAddress } from "../../config/listen-address.ts";
import { Engine } from "../../gen/crib/v1/engine_pb.ts";
import { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.ts";

/** A daemon behind a unix socket: both CRI services and crib's own. Dispose to close the connection. */
export interface DaemonClient extends Disposable {
  readonly address: string;
  readonly runtime: Client<typeof RuntimeService>;
  readonly images: Client<typeof ImageService>;
  readonly engine: Client<typeof Engine>;
}

/** Long enough for a slow stop or a cold plugin; a call that may take longer says so itself. */
export const defaultCallTimeoutMs = 120_000;

/** Passed as `timeoutMs` by calls that have no natural end: pulls, events, waits. */
export const noTimeout = 0;

/**
 * Connects lazily: the first call opens the socket.
 *
 * The authority is always `localhost`. gRPC clients that derive it from the socket's path are refused by HTTP/2
 * stacks that validate it (RFC 9110 section 7.2), Bun's among them.
 *
 * @throws {CribError} invalid-argument when `address` is no unix socket.
 */
export function connectDaemon(address: string, timeoutMs: number = defaultCallTimeoutMs): DaemonClient {
  const path = parseListenAddress(address);
  const sessions = new Http2SessionManager("http://localhost", undefined, { createConnection: () => connect(path) });
  const transport = createGrpcTransport({
    baseUrl: "http://localhost",
    sessionManager: sessions,
    defaultTimeoutMs: timeoutMs,
  });
  return {
    address: path,
    runtime: createClient(RuntimeService, transport),
    images: createClient(ImageService, transport),
    engine: createClient(Engine, transport),
    [Symbol.dispose]: () => sessions.abort(),
  };
}
