import type { Interceptor } from "@connectrpc/connect";
import type { QuietMoments } from "../../observe/quiet-moments.ts";

/** Tells when an RPC is under way. A stream counts until its first message is ready, not for as long as somebody listens. */
export function noteWork(moments: QuietMoments): Interceptor {
  return (next) => async (request) => {
    moments.begin();
    try {
      return await next(request);
    } finally {
      moments.end();
    }
  };
}
