import type { CliIo } from "../program/cli-io.ts";
import { createLineProgress } from "./line-progress.ts";
import type { PullProgress } from "./progress.ts";
import { createTerminalProgress } from "./terminal-progress.ts";

/** A redrawn block of lines on a terminal, plain lines elsewhere, nothing when `silent`. Always on stderr. */
export function createPullProgress(io: CliIo, silent: boolean): PullProgress {
  const nothing = (): void => undefined;
  if (silent) return { resolved: nothing, layer: nothing, hostFailure: nothing, [Symbol.dispose]: nothing };
  return io.stderr.isTerminal ? createTerminalProgress(io) : createLineProgress(io);
}
