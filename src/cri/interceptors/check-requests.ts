import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import { checkMessage } from "../validate/check-message.ts";

/** Applies the rules that hold for every field of every request, before any handler sees it. */
export function checkRequests(): Interceptor {
  return (next) => async (request) => {
    const descriptor = request.method.input;
    if (request.stream) return await next({ ...request, message: checkStream(descriptor, request.message) });
    checkMessage(descriptor, request.message);
    return await next(request);
  };
}

async function* checkStream<T extends Message>(descriptor: DescMessage, messages: AsyncIterable<T>): AsyncIterable<T> {
  for await (const message of messages) {
    checkMessage(descriptor, message);
    yield message;
  }
}
