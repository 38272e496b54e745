import { createServer, type ServerHttp2Session } from "node:http2";
import type { Server } from "node:net";
import type { ConnectRouter } from "@connectrpc/connect";
import { unavailable } from "../../errors/crib-error.ts";
import type { Fd } from "../../ids/process.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import { RateBudget } from "../../observe/rate-budget.ts";
import { containerdRoutes } from "../containerd/containerd-routes.ts";
import type { CriDeps } from "../deps.ts";
import { checkRequests } from "../interceptors/check-requests.ts";
import { convertErrors } from "../interceptors/convert-errors.ts";
import { enforceDeadline } from "../interceptors/enforce-deadline.ts";
import { logRpcs } from "../interceptors/log-rpcs.ts";
import { noteWork } from "../interceptors/note-work.ts";
import { routes } from "../routes.ts";
import { maxRequestBytes } from "../validate/limits.ts";
import { grpcListener } from "./grpc-listener.ts";
import { http2Front } from "./http2-front.ts";

export interface CriServer {
  /**
   * Serves a listening unix socket, or makes one at a path; call it once a socket. Resolves when clients are accepted.
   *
   * @param containerdApi whether cAdvisor's calls of containerd's API are answered there too.
   */
  listen(
    target: { readonly fd: Fd } | { readonly path: string },
    options?: { readonly containerdApi: boolean },
  ): Promise<void>;
  /** Accepts no more, ends event streams, waits up to `graceMs` for answers under way, then closes every connection. */
  close(graceMs: number): Promise<void>;
}

/**
 * HTTP/2 as this daemon speaks it; docs/decisions/0012-http2-limits.md tells what Bun 1.4.5 does by itself.
 *
 * - `maxSessionMemory` (MB): at Bun's default, twenty large replies at once on one connection are reset.
 * - `maxConcurrentStreams`: a kubelet keeps all its RPCs on one connection, hundreds of slow probes among them.
 */
const http2Options = {
  maxSessionMemory: 1000,
  settings: { maxConcurrentStreams: 2048, enablePush: false },
} as const;

/**
 * Streams one connection may cancel. A kubelet that cancels all its probes stays far below. Bun 1.4.5 has a limit of its own
 * (1000 resets); this one holds on any later version, and refills.
 */
const resetAllowance = { burst: 1000, perSecond: 100 };

const idlePollMs = 20;

/** Both CRI services and crib's own, over HTTP/2 without TLS (gRPC on unix sockets). */
export function createCriServer(deps: CriDeps): CriServer {
  const { log, clock } = deps;
  const shutdown = new AbortController();
  const sessions = new Set<ServerHttp2Session>();
  const servers: Server[] = [];
  let openStreams = 0;

  const options = {
    interceptors: [
      noteWork(deps.quietMoments, deps.loopWatch),
      convertErrors(log),
      logRpcs(log, clock),
      enforceDeadline(log),
      checkRequests(),
    ],
    grpc: true,
    grpcWeb: false,
    connect: false,
    acceptCompression: [],
    readMaxBytes: maxRequestBytes,
  };
  const own = routes(deps, shutdown.signal);
  const listenerOf = (containerdApi: boolean) => {
    const extra = containerdApi ? containerdRoutes(deps) : undefined;
    const all = (router: ConnectRouter) => {
      own(router);
      extra?.(router);
    };
    return grpcListener({ ...options, routes: all }, log);
  };

  function makeServer(listener: ReturnType<typeof grpcListener>) {
    const server = createServer(http2Options);
    server.on("stream", listener);
    server.on("session", (session) => {
      sessions.add(session);
      const budget = new RateBudget(resetAllowance, clock);
      session.on("error", (error) => log.debug({ err: error }, "connection failed"));
      session.on("close", () => sessions.delete(session));
      session.on("stream", (stream) => {
        openStreams += 1;
        stream.on("error", (error) => log.debug({ err: error }, "stream failed"));
        stream.on("close", () => {
          openStreams -= 1;
          if (stream.rstCode !== 0 && !budget.spend()) endHostileSession(session, log);
        });
      });
    });
    server.on("sessionError", (error) => log.debug({ err: error }, "connection ended by HTTP/2"));
    return server;
  }

  return {
    async listen(target, { containerdApi } = { containerdApi: false }) {
      const http2 = makeServer(listenerOf(containerdApi));
      // Tools look for a containerd there, some of them with HTTP/1.
      const server = containerdApi ? http2Front(http2, log) : http2;
      servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once("error", (error) =>
          reject(unavailable(`cannot listen on ${JSON.stringify(target)}: ${error.message}`, error)),
        );
        server.listen(target, resolve);
      });
      server.on("error", (error) => log.error({ err: error }, "listening socket failed"));
    },
    async close(graceMs) {
      for (const server of servers) server.close();
      shutdown.abort();
      await idle(() => openStreams, clock, graceMs);
      for (const session of sessions) session.destroy();
    },
  };
}

/** ENHANCE_YOUR_CALM: the peer makes and cancels streams faster than any client of ours (CVE-2023-44487). */
const enhanceYourCalm = 0xb;

function endHostileSession(session: ServerHttp2Session, log: Log): void {
  if (session.destroyed) return;
  log.warn({}, "connection closed: too many streams were reset");
  session.destroy(undefined, enhanceYourCalm);
}

async function idle(openStreams: () => number, clock: Clock, graceMs: number): Promise<void> {
  const deadline = clock.monotonicMs() + graceMs;
  while (openStreams() > 0 && clock.monotonicMs() < deadline) await clock.sleep(idlePollMs);
}
