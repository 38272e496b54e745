import type { CliIo } from "../cli-io.ts";
import { humanSize } from "../format/human-size.ts";
import { printable } from "../format/printable.ts";
import { shortId } from "../format/short-id.ts";
import type { PullProgress } from "./progress.ts";

/** One line at each change of phase: for logs and pipes, where nothing can be redrawn. */
export function createLineProgress(io: CliIo): PullProgress {
  const phases = new Map<string, string>();
  return {
    resolved: ({ reference, digest }) => io.stderr.write(`pulling ${printable(reference)} (${printable(digest)})\n`),
    layer: ({ digest, phase, totalBytes }) => {
      if (phases.get(digest) === phase) return;
      phases.set(digest, phase);
      io.stderr.write(`  ${shortId(digest)} ${printable(phase)} (${humanSize(totalBytes)})\n`);
    },
    hostFailure: ({ origin, why }) =>
      io.stderr.write(`  ${printable(origin)} is asked last for a while: ${printable(why)}\n`),
    [Symbol.dispose]: () => phases.clear(),
  };
}
