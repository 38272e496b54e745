import { CribError } from "../errors/crib-error.ts";
import { createLinuxKernel } from "../kernel/linux.ts";
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

const kernel: Kernel = createLinuxKernel();
const jobs = new LayerJobs(kernel);

self.onmessage = ({ data: request }) => {
  jobs.handle(request).then(
    (reply) => {
      if (reply !== undefined) self.postMessage(reply);
    },
    (error: unknown) => {
      self.postMessage({
        jobId: request.jobId,
        kind: "failed",
        code: error instanceof CribError ? error.code : "internal",
        message: error instanceof Error ? error.message : String(error),
      });
    },
  );
};
