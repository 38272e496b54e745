import { Code, ConnectError } from "@connectrpc/connect";
import { internal } from "../../errors/crib-error.ts";
import type { CliIo } from "../program/cli-io.ts";
import { type DaemonClient, noTimeout } from "../program/client.ts";
import { createLineProgress } from "../progress/line-progress.ts";
import type { PullProgress } from "../progress/progress.ts";
import { createTerminalProgress } from "../progress/terminal-progress.ts";

/** A redrawn block of lines on a terminal, plain lines elsewhere, nothing when `silent`. Always on stderr. */
export function createPullProgress(io: CliIo, silent: boolean): PullProgress {
  const nothing = (): void => undefined;
  if (silent) return { resolved: nothing, layer: nothing, hostFailure: nothing, [Symbol.dispose]: nothing };
  return io.stderr.isTerminal ? createTerminalProgress(io) : createLineProgress(io);
}

export interface PullWanted {
  readonly reference: string;
  readonly username: string;
  readonly password: string;
}

/**
 * Pulls one image, its progress on stderr, and returns its id. Against a daemon that is not crib the CRI's own
 * PullImage does it, which tells nothing on the way.
 */
export async function pullImage(
  io: CliIo,
  daemon: DaemonClient,
  wanted: PullWanted,
  options: { readonly silent: boolean; readonly signal: AbortSignal },
): Promise<string> {
  const call = { signal: options.signal, timeoutMs: noTimeout };
  using progress = createPullProgress(io, options.silent);
  try {
    for await (const { update } of daemon.engine.pull(wanted, call)) {
      if (update.case === "done") return update.value.imageId;
      if (update.case === "resolved") progress.resolved(update.value);
      if (update.case === "hostFailure") progress.hostFailure(update.value);
      if (update.case === "layer") progress.layer(update.value);
    }
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code !== Code.Unimplemented) throw error;
    const auth = wanted.username === "" ? {} : { auth: { username: wanted.username, password: wanted.password } };
    return (await daemon.images.pullImage({ image: { image: wanted.reference }, ...auth }, call)).imageRef;
  }
  throw internal(
    `the daemon ended the pull of ${JSON.stringify(wanted.reference)} without a result: look into its log`,
  );
}
