import type { LayerProgress, Resolved } from "../../gen/crib/v1/engine_pb.ts";
import type { CliIo } from "../cli-io.ts";
import { createLineProgress } from "./line-progress.ts";
import { createTerminalProgress } from "./terminal-progress.ts";

/** Shows a pull while it goes on. Dispose when it has ended, however it ended. */
export interface PullProgress extends Disposable {
  resolved(resolved: Resolved): void;
  layer(layer: LayerProgress): void;
}

/** A redrawn block of lines on a terminal, plain lines elsewhere, nothing when `silent`. Always on stderr. */
export function createPullProgress(io: CliIo, silent: boolean): PullProgress {
  if (silent) return { resolved: () => undefined, layer: () => undefined, [Symbol.dispose]: () => undefined };
  return io.stderr.isTerminal ? createTerminalProgress(io) : createLineProgress(io);
}
