import { CribError } from "../errors/crib-error.ts";
import { createLinuxKernel } from "../kernel/linux/linux.ts";
import type { Kernel } from "../kernel/port.ts";
import type { WorkerReply, WorkerRequest } from "./apply-messages.ts";
import { LayerJobs } from "./layer-jobs.ts";

/**
 * Entry point of the threads that touch layer directories. System calls here may block as long as they like: the
 * daemon's event loop is elsewhere.
 */
declare const self: {
  onmessage: ((event: MessageEvent<WorkerRequest>) => void) | null;
  postMessage(reply: WorkerReply): void;
};

/** A pull's layers come one after another; what they leave on this thread's heap is given back after the last. */
const restMs = 1_000;

const kernel: Kernel = createLinuxKernel();
const jobs = new LayerJobs(kernel);
let underWay = 0;
let rest: ReturnType<typeof setTimeout> | undefined;

async function answer(request: WorkerRequest): Promise<void> {
  clearTimeout(rest);
  underWay += 1;
  try {
    const reply = await jobs.handle(request);
    if (reply !== undefined) self.postMessage(reply);
  } catch (error) {
    self.postMessage({
      jobId: request.jobId,
      kind: "failed",
      code: error instanceof CribError ? error.code : "internal",
      message: error instanceof Error ? error.message : String(error),
    });
  } finally {
    underWay -= 1;
    if (underWay === 0) rest = setTimeout(() => Bun.gc(true), restMs);
  }
}

self.onmessage = ({ data: request }) => void answer(request);
