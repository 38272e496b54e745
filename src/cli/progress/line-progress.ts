import type { LayerProgress } from "../../gen/crib/v1/engine_pb.ts";
import { TransferRate } from "../../observe/transfer-rate.ts";
import { humanSpan } from "../format/human-age.ts";
import { humanSize } from "../format/human-size.ts";
import { printable } from "../format/printable.ts";
import { shortId } from "../format/short-id.ts";
import type { CliIo } from "../program/cli-io.ts";
import type { PullProgress } from "./progress.ts";

interface ToldLayer {
  readonly phase: string;
  readonly told: number;
  readonly rate: TransferRate;
}

/** A log must show that a long download lives, and not be full of it. */
const stillMs = 10_000;

/** One line at each change of phase, and one each ten seconds of a download: for logs and pipes, where nothing can be redrawn. */
export function createLineProgress(io: CliIo): PullProgress {
  const phases = new Map<string, ToldLayer>();
  return {
    resolved: ({ reference, digest }) => io.stderr.write(`pulling ${printable(reference)} (${printable(digest)})\n`),
    layer: (progress) => {
      const { digest, phase } = progress;
      const before = phases.get(digest);
      const now = io.clock.monotonicMs();
      const rate = before?.rate ?? new TransferRate();
      if (phase === "downloading") rate.sample(progress.doneBytes, now);
      const isStill = before?.phase === phase && (phase !== "downloading" || now - before.told < stillMs);
      phases.set(digest, { phase, told: isStill ? before.told : now, rate });
      if (isStill) return;
      const detail = before?.phase === phase ? downloadText(progress, rate) : `(${humanSize(progress.totalBytes)})`;
      io.stderr.write(`  ${shortId(digest)} ${printable(phase)} ${detail}\n`);
    },
    hostFailure: ({ origin, why }) =>
      io.stderr.write(`  ${printable(origin)} is asked last for a while: ${printable(why)}\n`),
    [Symbol.dispose]: () => phases.clear(),
  };
}

function downloadText({ doneBytes, totalBytes, source }: LayerProgress, rate: TransferRate): string {
  const speed = rate.bytesPerSecond === undefined ? "" : `, ${humanSize(rate.bytesPerSecond)}/s`;
  const leftMs = rate.etaMs(totalBytes - doneBytes);
  const left = leftMs === undefined ? "" : `, ${humanSpan(leftMs)} left`;
  const from = source === "" ? "" : ` from ${printable(source)}`;
  return `${humanSize(doneBytes)} of ${humanSize(totalBytes)}${speed}${left}${from}`;
}
