import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { ConnectRouter, ConnectRouterOptions } from "@connectrpc/connect";
import { createConnectRouter, createServiceImplSpec } from "@connectrpc/connect";
import { createMethodUrl } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Log } from "../../observe/log.ts";
import { isPlainGrpc, type StreamAnswer, type UnaryOptions, unaryCall } from "./unary-call.ts";
import { refuseUnknown } from "./unknown-method.ts";

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
/** The most a timer takes, in whole hours: a longer one would fire at once. */
const longest = { text: "596H", ms: 596 * 3_600_000 } as const;

/** Cuts a `grpc-timeout` that no timer can hold: a client that would wait a month is not told at once that it is over. */
export function capDeadline(headers: IncomingHttpHeaders): void {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(headers["grpc-timeout"] ?? "")) ?? [];
  if (digits === undefined || unit === undefined) return;
  if (Number(digits) * (unitMs[unit] ?? 0) > longest.ms) headers["grpc-timeout"] = longest.text;
}

type ListenerOptions = ConnectRouterOptions & UnaryOptions & { readonly routes: (router: ConnectRouter) => void };

/**
 * Streams of `node:http2` to Connect's handlers: plain unary calls by `unaryCall`, all others by connect-node's adapter.
 *
 * Whatever goes wrong ends one stream, never the process: connect-node builds a URL from `:authority`, which for gRPC
 * clients of unix sockets may be anything (`%2Frun%2Fcrib%2Fcrib.sock` from C-core), and throws out of the event handler.
 * And a client that leaves early is a debug line, not a stack trace on stderr.
 */
export function grpcListener(
  options: ListenerOptions,
  log: Log,
): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  const { router, unary } = routerWithUnaryCalls(options);
  options.routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));

  const answer: StreamAnswer = async (stream, headers) => {
    const path = headers[":path"] ?? "";
    const call = isPlainGrpc(headers) ? unary.get(path) : undefined;
    if (call !== undefined) return await call(stream, headers);
    const handler = handlers.get(path);
    if (handler === undefined) {
      stream.on("error", (error) => log.debug({ path, err: error }, "stream failed"));
      return refuseUnknown(stream, headers);
    }
    const request = new Http2ServerRequest(stream, headers, {}, []);
    const response = new Http2ServerResponse(stream);
    const ignored = (error: unknown) => log.debug({ path, err: error }, "stream failed");
    // Without listeners an error of a reset stream would be an uncaught exception.
    request.on("error", ignored);
    response.on("error", ignored);
    Object.defineProperty(request, "authority", { value: "localhost" });
    const universal = universalRequestFromNodeRequest(request, response, undefined, undefined);
    await universalResponseToNodeResponse(await handler(universal), response);
  };

  return (stream, headers) => {
    capDeadline(headers);
    answer(stream, headers).catch((error: unknown) => {
      log.debug({ path: headers[":path"], err: error }, "stream failed");
      if (!stream.destroyed && !stream.headersSent) stream.respond({ ":status": 400 }, { endStream: true });
    });
  };
}

/** Connect's router, and the same implementations of unary methods for `unaryCall`, by path. */
function routerWithUnaryCalls(options: ListenerOptions) {
  const unary = new Map<string, StreamAnswer>();
  const connect = createConnectRouter(options);
  const router: ConnectRouter = {
    ...connect,
    service(service, implementation, serviceOptions) {
      connect.service(service, implementation, serviceOptions);
      for (const spec of Object.values(createServiceImplSpec(service, implementation).methods)) {
        if (spec.kind === "unary") unary.set(createMethodUrl("/", spec.method), unaryCall(spec, options));
      }
      return router;
    },
  };
  return { router, unary };
}
