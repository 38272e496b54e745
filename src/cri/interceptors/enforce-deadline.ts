import type { Interceptor } from "@connectrpc/connect";
import type { Log } from "../../observe/log.ts";

/**
 * Answers when the client's deadline (`grpc-timeout`) passes or the client leaves, whether or not the work listens.
 *
 * The work itself goes on: a create cut in half is worse than one that nobody waits for, and the kubelet's retry joins
 * it or gets its result (faults F02). Handlers that can stop early watch the same signal.
 */
export function enforceDeadline(log: Log): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return await next(request);
    const { signal } = request;
    signal.throwIfAborted();
    const { promise: gaveUp, reject } = Promise.withResolvers<never>();
    const giveUp = () => reject(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    const work = next(request);
    try {
      return await Promise.race([work, gaveUp]);
    } catch (error) {
      if (signal.aborted) {
        work.catch((late: unknown) => log.info({ rpc: request.method.name, err: late }, "abandoned rpc failed later"));
      }
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  };
}
