import type { Interceptor } from "@connectrpc/connect";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";

/** Longer than this is worth a warning for RPCs that wait for crib alone. */
const slowMs = 2000;

/** These wait for a registry, a workload or a client: their duration says nothing about crib. */
const waiting: ReadonlySet<string> = new Set([
  "PullImage",
  "ImportImages",
  "PullSecurityProfile",
  "ExecSync",
  "StopContainer",
  "StopPodSandbox",
  "RemovePodSandbox",
  "RemoveContainer",
]);

/** One debug line an RPC, a warning for a slow one. Requests are not logged: they carry credentials and environments. */
export function logRpcs(log: Log, clock: Clock): Interceptor {
  return (next) => async (request) => {
    const rpc = request.method.name;
    const startMs = clock.monotonicMs();
    try {
      return await next(request);
    } finally {
      const durationMs = Math.round((clock.monotonicMs() - startMs) * 100) / 100;
      if (durationMs > slowMs && !waiting.has(rpc)) log.warn({ rpc, durationMs }, "slow rpc");
      else log.debug({ rpc, durationMs }, "rpc");
    }
  };
}
