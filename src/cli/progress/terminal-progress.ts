import type { LayerProgress } from "../../gen/crib/v1/engine_pb.ts";
import { TransferRate } from "../../observe/transfer-rate.ts";
import { humanSpan } from "../format/human-age.ts";
import { humanSize } from "../format/human-size.ts";
import { paint } from "../format/paint.ts";
import { printable } from "../format/printable.ts";
import { shortId } from "../format/short-id.ts";
import type { CliIo } from "../program/cli-io.ts";
import type { PullProgress } from "./progress.ts";

interface ShownLayer {
  readonly progress: LayerProgress;
  readonly rate: TransferRate;
}

const redrawMs = 80;
const barWidth = 24;
const clearLine = "\u001b[2K";

/** A line for each layer (`digest  phase  bar  bytes  rate  ETA`), redrawn in place a dozen times a second at most. */
export function createTerminalProgress(io: CliIo): PullProgress {
  const layers = new Map<string, ShownLayer>();
  let drawnLines = 0;
  let drawnAtMs = Number.NEGATIVE_INFINITY;

  const draw = (): void => {
    const up = drawnLines === 0 ? "" : `\u001b[${drawnLines}A`;
    const lines = [...layers.values()].map((layer) => `${clearLine}${layerLine(io, layer)}\n`);
    io.stderr.write(up + lines.join(""));
    drawnLines = lines.length;
    drawnAtMs = io.clock.monotonicMs();
  };

  return {
    resolved: ({ reference, digest }) =>
      io.stderr.write(
        `${paint(io.stderr, "bold", printable(reference))} ${paint(io.stderr, "dim", printable(digest))}\n`,
      ),
    layer: (progress) => {
      const nowMs = io.clock.monotonicMs();
      const rate = layers.get(progress.digest)?.rate ?? new TransferRate();
      if (progress.phase === "downloading") rate.sample(progress.doneBytes, nowMs);
      layers.set(progress.digest, { progress, rate });
      if (nowMs - drawnAtMs >= redrawMs) draw();
    },
    hostFailure: ({ origin, why }) => {
      // Above the bars, which are drawn anew below it.
      const up = drawnLines === 0 ? "" : `\u001b[${drawnLines}A`;
      const note = `${printable(origin)} is asked last for a while: ${printable(why)}`;
      io.stderr.write(`${up}${clearLine}${paint(io.stderr, "dim", note.slice(0, io.stderr.columns - 1))}\n`);
      drawnLines = 0;
      if (layers.size > 0) draw();
    },
    [Symbol.dispose]: () => {
      if (layers.size > 0) draw();
    },
  };
}

/** Cut to the terminal's width: a wrapped line would break the redrawing. */
function layerLine(io: CliIo, { progress, rate }: ShownLayer): string {
  const { digest, phase, doneBytes, totalBytes } = progress;
  const head = `${shortId(digest)}  ${printable(phase).padEnd(11)}`;
  if (phase !== "downloading") return `${head}  ${humanSize(totalBytes)}`.slice(0, io.stderr.columns - 1);
  const filled = totalBytes === 0n ? 0 : Math.min(barWidth, Number((doneBytes * BigInt(barWidth)) / totalBytes));
  const speed = rate.bytesPerSecond === undefined ? "" : `${humanSize(rate.bytesPerSecond)}/s`;
  const etaMs = rate.etaMs(totalBytes - doneBytes);
  const eta = etaMs === undefined ? "" : `ETA ${humanSpan(etaMs)}`;
  const bar = `[${"#".repeat(filled)}${" ".repeat(barWidth - filled)}]`;
  return `${head}  ${bar}  ${humanSize(doneBytes)} / ${humanSize(totalBytes)}  ${speed}  ${eta}`
    .trimEnd()
    .slice(0, io.stderr.columns - 1);
}
