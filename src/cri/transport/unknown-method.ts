import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";

/** gRPC status UNIMPLEMENTED. */
const unimplemented = "12";
/** RST_STREAM's code for a client that is told to send no more of a body that is not read (RFC 9113, 8.1). */
const noError = 0;
const maxShown = 200;

/**
 * Answers a request that is for none of our methods.
 *
 * A gRPC client takes the status out of the headers only when the stream ends with them ("Trailers-Only"); headers with an empty
 * body behind them are an error of the protocol to gRPC-Go, which then says Internal instead of Unimplemented.
 */
export function refuseUnknown(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  // What else comes of the request is read and dropped: a stream that is not read would never end.
  stream.resume();
  if (stream.destroyed || stream.closed) return;
  if (!stream.readableEnded) stream.once("finish", () => stream.close(noError));
  stream.respond(answerTo(headers), { endStream: true });
}

/** Who does not speak gRPC gets an HTTP status, so that no other client takes an error for a page. */
function answerTo(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  if (headers[":method"] !== "POST") return { ":status": 405, allow: "POST" };
  const type = headers["content-type"] ?? "";
  if (!/^application\/grpc(?:$|[+;])/.test(type)) return { ":status": 415, "accept-post": "application/grpc" };
  return {
    ":status": 200,
    "content-type": "application/grpc",
    "grpc-status": unimplemented,
    "grpc-message": encodeURIComponent(explain(headers[":path"] ?? "")).replaceAll("%20", " "),
  };
}

/** In the words of gRPC's own servers: clients look for them. */
function explain(path: string): string {
  const shown = path.slice(0, maxShown);
  const [, service, method] = /^\/(.+)\/([^/]*)$/.exec(shown) ?? [];
  if (service === undefined || method === undefined) return `malformed method name: ${JSON.stringify(shown)}`;
  const hint = service.startsWith("containerd.")
    ? ": crib serves a part of containerd's API; use crictl or crib here"
    : "";
  return `unknown method ${method} for service ${service}${hint}`;
}
