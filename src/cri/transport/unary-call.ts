import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { ConnectRouterOptions, MethodImplSpec } from "@connectrpc/connect";
import { Code, ConnectError, createHandlerContext } from "@connectrpc/connect";
import { createMethodSerializationLookup, invokeUnaryImplementation } from "@connectrpc/connect/protocol";
import { parseTimeout, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { clientLeft } from "../client-left.ts";
import { encodingOf } from "../convert/encoded.ts";
import { prefixOfMessage, readSingleMessage, totalBytes, withPrefix } from "./single-message.ts";

export type UnarySpec = Extract<MethodImplSpec, { readonly kind: "unary" }>;
export type StreamAnswer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => Promise<void>;
export type UnaryOptions = Required<Pick<ConnectRouterOptions, "interceptors" | "readMaxBytes">>;

const contentType = "application/grpc+proto";
/** Longer than any grpc-timeout can say; Connect wants a number. */
const maxTimeoutMs = Number.MAX_SAFE_INTEGER;
const writeMaxBytes = 0xff_ff_ff_ff;
/** A larger reply is not copied for the sake of one frame less. */
const joinedReplyBytes = 16 * 1024;
const pieceBytes = 256 * 1024;
/** RST_STREAM's code for a client that is told to send no more of what nobody reads (RFC 9113, 8.1). */
const noError = 0;

/** Whether a request is what CRI clients send: binary protobuf, not compressed. Connect answers the others. */
export function isPlainGrpc(headers: IncomingHttpHeaders): boolean {
  const type = headers["content-type"];
  const encoding = headers["grpc-encoding"];
  return (
    headers[":method"] === "POST" &&
    (type === "application/grpc" || type === contentType) &&
    (encoding === undefined || encoding === "identity")
  );
}

/**
 * One message in, one message out, around a Connect handler and its interceptors.
 *
 * Connect's own pipeline passes each unary call through nine chained async generators, made for streams; before the engine
 * has compiled them, which on a node takes days, they cost as much as the work of most RPCs (docs/decisions/0040). What has
 * a meaning stays Connect's: contexts, deadlines, interceptors, serialization, errors.
 */
export function unaryCall(spec: UnarySpec, { interceptors, readMaxBytes }: UnaryOptions): StreamAnswer {
  const { method } = spec;
  const chain = [...interceptors];
  const serialization = createMethodSerializationLookup(method, undefined, undefined, { readMaxBytes, writeMaxBytes });
  const requests = serialization.getI(true);
  const replies = serialization.getO(true);

  return async (stream, headers) => {
    const requestHeader = toWebHeaders(headers);
    const timeout = parseTimeout(requestHeader.get("grpc-timeout"), maxTimeoutMs);
    const left = new AbortController();
    stream.once("close", () => left.abort(clientLeft()));
    const context = createHandlerContext({
      service: method.parent,
      method,
      protocolName: "grpc",
      requestMethod: "POST",
      url: `http://localhost/${method.parent.typeName}/${method.name}`,
      ...(timeout.timeoutMs !== undefined && { timeoutMs: timeout.timeoutMs }),
      requestSignal: left.signal,
      requestHeader,
    });
    let reply: readonly Uint8Array[] | undefined;
    try {
      if (timeout.error !== undefined) throw timeout.error;
      const request = requests.parse(await readSingleMessage(stream, readMaxBytes));
      const message = await invokeUnaryImplementation(spec, context, request, chain);
      reply = encodingOf(message) ?? [replies.serialize(message)];
      setTrailerStatus(context.responseTrailer, undefined);
    } catch (error) {
      setTrailerStatus(context.responseTrailer, asConnectError(error));
    }
    try {
      await send(stream, context.responseHeader, reply, context.responseTrailer);
    } finally {
      context.abort();
    }
  };
}

/** Interceptors have made what handlers throw into these; only a fault of this file's own is anything else. */
function asConnectError(error: unknown): ConnectError {
  return error instanceof ConnectError
    ? error
    : new ConnectError("internal error", Code.Internal, undefined, undefined, error);
}

async function send(
  stream: ServerHttp2Stream,
  header: Headers,
  reply: readonly Uint8Array[] | undefined,
  trailer: Headers,
): Promise<void> {
  if (stream.destroyed || stream.closed) return;
  stream.once("wantTrailers", () => stream.sendTrailers(Object.fromEntries(trailer)));
  const start: OutgoingHttpHeaders = { ":status": 200, "content-type": contentType };
  stream.respond(Object.assign(start, Object.fromEntries(header)), { waitForTrailers: true });
  if (!stream.readableEnded) stream.once("finish", () => stream.close(noError));
  if (reply === undefined) stream.end();
  else if (totalBytes(reply) <= joinedReplyBytes) stream.end(withPrefix(...reply));
  else await sendInPieces(stream, reply);
}

/** HTTP/2 keeps a copy of what the client has not taken: of a large reply only a piece at a time. */
async function sendInPieces(stream: ServerHttp2Stream, reply: readonly Uint8Array[]): Promise<void> {
  stream.write(prefixOfMessage(totalBytes(reply)));
  for (const part of reply) {
    for (let at = 0; at < part.byteLength; at += pieceBytes) {
      if (stream.destroyed) return;
      if (!stream.write(part.subarray(at, at + pieceBytes))) await drained(stream);
    }
  }
  stream.end();
}

function drained(stream: ServerHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
  });
}

function toWebHeaders(headers: IncomingHttpHeaders): Headers {
  const result = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const entry of typeof value === "string" ? [value] : value) result.append(name, entry);
  }
  return result;
}
