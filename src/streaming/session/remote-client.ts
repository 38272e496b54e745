import type { ExitStatus } from "./exit-status.ts";

/** The client of an exec or attach, behind whichever protocol it speaks. */
export interface RemoteClient {
  /** The process is there: from now on all its output comes here. Not called when it cannot be had. */
  joined(): void;
  /** Takes all of `bytes`, which may be reused. False: hold back until {@link RemoteSession.drained}. */
  output(stream: "stdout" | "stderr", bytes: Uint8Array): boolean;
  /** The last word, behind all output; then the connection ends, and the session hears nothing more. */
  finish(status: ExitStatus): void;
  pauseInput(): void;
  resumeInput(): void;
}

/** What a client's protocol tells the session. */
export interface RemoteSession {
  /** `bytes` belongs to the session. */
  stdin(bytes: Uint8Array): void;
  stdinEnd(): void;
  resize(columns: number, rows: number): void;
  drained(): void;
  /** The client is no more: nothing can be told to it. */
  gone(reason: string): void;
}
