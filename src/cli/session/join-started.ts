import { existsSync } from "node:fs";
import { readLog } from "../../logs/read-log.ts";
import type { Cli } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";
import { runSession, type SessionOutcome } from "./run-session.ts";

/**
 * `live` without the bytes at its beginning that `logged` already ends with.
 *
 * A container writes from its first instruction on, and can only be attached to after it has started: what came before is in its
 * log, and what came between the attachment and the reading of the log is in both.
 */
export function withoutOverlap(logged: Uint8Array, live: Uint8Array): Uint8Array {
  for (let length = Math.min(logged.length, live.length); length > 0; length--) {
    if (Buffer.compare(logged.subarray(logged.length - length), live.subarray(0, length)) === 0)
      return live.subarray(length);
  }
  return live;
}

const lineFeed = Uint8Array.of(0x0a);

export interface JoinOptions {
  readonly containerId: string;
  /** Its log file, for what it wrote before we were attached. */
  readonly logPath: string;
  readonly stdin: boolean;
  readonly detachable: boolean;
  readonly signal: AbortSignal;
}

/** Joins our terminal to a container that was just started with one, from its first byte on. */
export async function joinStarted(cli: Cli, daemon: DaemonClient, options: JoinOptions): Promise<SessionOutcome> {
  const { io } = cli;
  const { url } = await daemon.runtime.attach({
    containerId: options.containerId,
    tty: true,
    stdin: options.stdin,
    stdout: true,
    stderr: false,
  });
  let logged: Uint8Array = new Uint8Array();
  return await runSession(io, url, {
    stdin: options.stdin,
    tty: true,
    detachable: options.detachable,
    signal: options.signal,
    onConnected: async () => {
      logged = await loggedSoFar(cli, options.logPath);
      io.stdout.write(logged);
    },
    firstOutput: (live) => withoutOverlap(logged, live),
  });
}

/** A terminal's output is one stream: its log's lines, put together again, are what it wrote. */
async function loggedSoFar({ io }: Cli, logPath: string): Promise<Uint8Array> {
  if (!existsSync(logPath)) return new Uint8Array();
  const pieces: Uint8Array[] = [];
  for await (const lines of readLog(logPath, io.clock, { tail: undefined, follow: undefined })) {
    for (const { content, partial } of lines) {
      // A line is only valid until the next ones are read.
      pieces.push(new Uint8Array(content));
      if (!partial) pieces.push(lineFeed);
    }
  }
  return Buffer.concat(pieces);
}
