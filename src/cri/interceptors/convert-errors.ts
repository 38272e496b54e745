import type { Interceptor } from "@connectrpc/connect";
import type { Log } from "../../observe/log.ts";
import { reasonToGiveUp } from "../client-left.ts";
import { codeName, severity, toConnectError } from "../error-map.ts";

/**
 * Turns whatever a handler throws into a gRPC status: without it Connect would show every domain error as "internal
 * error". It stands outside every interceptor that may throw, so that nothing escapes it.
 */
export function convertErrors(log: Log): Interceptor {
  const convert = (rpc: string, signal: AbortSignal, thrown: unknown) => {
    // A handler that heeds the signal, or a stream's end, throws what its library says of it.
    const error = signal.aborted && isAbort(thrown) ? reasonToGiveUp(signal) : thrown;
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(4))).toString("hex");
    const converted = toConnectError(error, () => id);
    const fields = { rpc, code: codeName(converted) };
    const level = severity(converted, rpc);
    // The stack is for faults of ours; a refusal is told by its message.
    if (level === "error") log.error({ ...fields, correlation: id, err: error }, "rpc failed");
    else log[level]({ ...fields, reason: converted.rawMessage }, "rpc refused");
    return converted;
  };
  return (next) => async (request) => {
    try {
      const response = await next(request);
      if (!response.stream) return response;
      return {
        ...response,
        message: convertStream(response.message, (error) => convert(request.method.name, request.signal, error)),
      };
    } catch (error) {
      throw convert(request.method.name, request.signal, error);
    }
  };
}

async function* convertStream<T>(messages: AsyncIterable<T>, convert: (error: unknown) => Error): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    throw convert(error);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
