import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { ConnectRouter, ConnectRouterOptions } from "@connectrpc/connect";
import { createConnectRouter } from "@connectrpc/connect";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Log } from "../observe/log.ts";

/** gRPC status UNIMPLEMENTED, for paths that no service of ours has: these never reach Connect. */
const grpcUnimplemented = "12";

/**
 * Requests of `node:http2` to Connect's handlers: connect-node's own adapter with two differences.
 *
 * Whatever goes wrong ends one stream, never the process: connect-node builds a URL from `:authority`, which for gRPC
 * clients of unix sockets may be anything (`%2Frun%2Fcrib%2Fcrib.sock` from C-core), and throws out of the event handler.
 * And a client that leaves early is a debug line, not a stack trace on stderr.
 */
export function grpcListener(
  options: ConnectRouterOptions & { readonly routes: (router: ConnectRouter) => void },
  log: Log,
): (request: Http2ServerRequest, response: Http2ServerResponse) => void {
  const router = createConnectRouter(options);
  options.routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));

  async function answer(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
    const handler = handlers.get(request.url);
    if (handler === undefined) {
      const message = encodeURIComponent(`unknown method ${request.url.slice(0, 200)}`);
      response.writeHead(200, {
        "content-type": "application/grpc",
        "grpc-status": grpcUnimplemented,
        "grpc-message": message,
      });
      response.end();
      return;
    }
    Object.defineProperty(request, "authority", { value: "localhost" });
    const universal = universalRequestFromNodeRequest(request, response, undefined, undefined);
    await universalResponseToNodeResponse(await handler(universal), response);
  }

  return (request, response) => {
    const ignored = (error: unknown) => log.debug({ path: request.url, err: error }, "stream failed");
    // Without listeners an error of a reset stream would be an uncaught exception.
    request.on("error", ignored);
    response.on("error", ignored);
    answer(request, response).catch((error: unknown) => {
      ignored(error);
      if (response.stream?.destroyed === false && !response.headersSent) response.writeHead(400).end();
    });
  };
}
