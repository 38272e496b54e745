import { existsSync } from "node:fs";
import { readLog } from "../../logs/read-log.ts";
import type { Cli } from "../cli.ts";
import type { DaemonClient } from "../client.ts";
import { LogPrinter } from "../log-printer.ts";
import { withoutOverlap } from "./early-output.ts";
import { runSession, type SessionOutcome } from "./run-session.ts";

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

async function loggedSoFar({ io }: Cli, logPath: string): Promise<Uint8Array> {
  if (!existsSync(logPath)) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  const keep = {
    ...io.stdout,
    write: (data: string | Uint8Array) => void chunks.push(Uint8Array.from(Buffer.from(data))),
    flush: () => Promise.resolve(),
  };
  const printer = new LogPrinter({ ...io, stdout: keep, stderr: keep }, { sinceNs: undefined, timestamps: false });
  for await (const lines of readLog(logPath, io.clock, { tail: undefined, follow: undefined }))
    await printer.print(lines);
  return Buffer.concat(chunks);
}
