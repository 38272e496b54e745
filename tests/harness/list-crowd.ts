import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import type { TestBed } from "./test-bed.ts";
import type { TestPod } from "./test-container.ts";

export interface CrowdOptions {
  readonly containers: number;
  readonly clients: number;
  /** How often each client lists. */
  readonly rounds: number;
  /** Pods that are started, one after the other, while the clients list. */
  readonly pods: number;
}

export interface CrowdReport {
  /** Milliseconds of each answered list, ascending. */
  readonly listMs: readonly number[];
  readonly podMs: readonly number[];
  /** Lists that ended in anything but a whole answer, in words. */
  readonly failures: readonly string[];
  readonly replyBytes: number;
}

/**
 * Lists everything from many connections at once, as a crowd of node agents does, while pods start.
 *
 * Containers are created and not started: a list cannot tell the difference. Replies are counted, not decoded: the clients
 * share this process, and their decoding would be measured as the daemon's.
 */
export async function listAsACrowd(bed: TestBed, options: CrowdOptions): Promise<CrowdReport> {
  const pod = await bed.runPod();
  for (let made = 0; made < options.containers; made += 20) {
    const batch = Math.min(20, options.containers - made);
    const labels = { "io.kubernetes.container.name": "web", "io.kubernetes.pod.uid": "5f0b0a3e-7c43-4f10" };
    await Promise.all(Array.from({ length: batch }, () => bed.create(pod, { labels })));
  }
  const sessions = Array.from({ length: options.clients }, () => openSession(bed.engine.socket));
  const listMs: number[] = [];
  const failures: string[] = [];
  let replyBytes = 0;
  const client = async (session: ClientHttp2Session) => {
    for (let round = 0; round < options.rounds; round++) {
      const startMs = performance.now();
      const answer = await list(session);
      if (answer.status !== "0") failures.push(answer.status);
      else listMs.push(performance.now() - startMs);
      replyBytes = Math.max(replyBytes, answer.bytes);
    }
  };
  const started: { readonly pods: TestPod[]; readonly ms: number[] } = { pods: [], ms: [] };
  const startPods = async () => {
    for (let i = 0; i < options.pods; i++) {
      const startMs = performance.now();
      const fresh = await bed.runPod();
      await bed.runIdle(fresh);
      started.ms.push(performance.now() - startMs);
      started.pods.push(fresh);
    }
  };
  try {
    await Promise.all([...sessions.map(client), startPods()]);
  } finally {
    for (const session of sessions) session.destroy();
  }
  const ascending = (values: readonly number[]) => values.toSorted((a, b) => a - b);
  return { listMs: ascending(listMs), podMs: ascending(started.ms), failures, replyBytes };
}

function openSession(socket: string): ClientHttp2Session {
  const session = connectHttp2("http://localhost", { createConnection: () => connect(socket) });
  // Each request tells how it ended.
  session.on("error", () => {});
  return session;
}

/** One ListContainers; `status` is gRPC's, or how the stream broke. */
async function list(session: ClientHttp2Session): Promise<{ readonly status: string; readonly bytes: number }> {
  return await new Promise((resolve) => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/runtime.v1.RuntimeService/ListContainers",
      "content-type": "application/grpc",
      te: "trailers",
    });
    let bytes = 0;
    let status = "no trailers";
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.on("trailers", (trailers) => {
      status = String(trailers["grpc-status"]);
    });
    stream.on("error", (error) => {
      status = `stream failed: ${String(error)}`;
    });
    stream.on("close", () => resolve({ status, bytes }));
    stream.end(Buffer.alloc(5));
  });
}
