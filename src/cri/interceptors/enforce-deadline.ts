import type { Interceptor } from "@connectrpc/connect";
import { CribError } from "../../errors/crib-error.ts";
import type { Log } from "../../observe/log.ts";
import { reasonToGiveUp } from "../client-left.ts";

/**
 * Answers when the client's deadline (`grpc-timeout`) passes or the client leaves, whether or not the work listens.
 *
 * The work itself goes on: a create cut in half is worse than one whose caller has left, and the kubelet's retry joins
 * it or gets its result (faults F02). Handlers that can stop early watch the same signal.
 */
export function enforceDeadline(log: Log): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return await next(request);
    const { signal } = request;
    if (signal.aborted) throw reasonToGiveUp(signal);
    const { promise: gaveUp, reject } = Promise.withResolvers<never>();
    const giveUp = () => reject(reasonToGiveUp(signal));
    signal.addEventListener("abort", giveUp, { once: true });
    const work = next(request);
    try {
      return await Promise.race([work, gaveUp]);
    } catch (error) {
      if (signal.aborted) {
        work.catch((late: unknown) => noteLateFailure(log, request.method.name, late));
      }
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  };
}

/** A handler that heeds the signal fails because of it: that was told. What fails for a reason of its own is told with it. */
function noteLateFailure(log: Log, rpc: string, late: unknown): void {
  if (late instanceof Error && late.name === "AbortError") return;
  const fault = late instanceof CribError ? { reason: late.message } : { err: late };
  log.info({ rpc, ...fault }, "abandoned rpc failed later");
}
