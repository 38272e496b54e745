import type { Interceptor } from "@connectrpc/connect";
import type { LoopWatch } from "../../observe/loop-watch.ts";
import type { QuietMoments } from "../../observe/quiet-moments.ts";

/** Tells when an RPC is under way. A stream counts until its first message is ready, not for as long as its client listens. */
export function noteWork(moments: QuietMoments, watch: LoopWatch): Interceptor {
  return (next) => async (request) => {
    moments.begin();
    try {
      return await watch.run(request.method.name, () => next(request));
    } finally {
      moments.end();
    }
  };
}
