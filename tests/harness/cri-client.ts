import { connect } from "node:net";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ImageService, RuntimeService } from "../../src/gen/runtime/v1/api_pb.ts";

/** Both CRI services over one HTTP/2 connection to a unix socket, as a kubelet holds it. */
export interface CriClient {
  readonly runtime: Client<typeof RuntimeService>;
  readonly images: Client<typeof ImageService>;
  close(): void;
}

const CALL_LIMIT_MS = 120_000;

/** Connects on the first call. `:authority` is `localhost`, as current kubelets send it. */
export function connectCri(socket: string): CriClient {
  const nodeOptions = { createConnection: () => connect(socket) };
  const sessionManager = new Http2SessionManager("http://localhost", {}, nodeOptions);
  const transport = createGrpcTransport({
    baseUrl: "http://localhost",
    sessionManager,
    defaultTimeoutMs: CALL_LIMIT_MS,
  });
  return {
    runtime: createClient(RuntimeService, transport),
    images: createClient(ImageService, transport),
    close: () => sessionManager.abort(),
  };
}
