import type { Clock } from "../../observe/clock.ts";
import type { SpdyLimits } from "./spdy-limits.ts";
import type { SpdyStream } from "./spdy-stream.ts";

/** What a connection is wired to. */
export interface SpdyOptions {
  /** Takes all of `bytes`, which are valid only during the call. False: hold back until `drained` is called. */
  write(bytes: Uint8Array): boolean;
  /** True: stop to read from the transport, streams have more than they take. False: go on. */
  holdInput(held: boolean): void;
  /** A peer's new stream. The receiver sets its listeners, and replies or refuses. */
  onStream(stream: SpdyStream): void;
  /**
   * The connection is over and all was written: the transport is to be closed. `reason` says what the peer did wrong,
   * `undefined` is a farewell. Called at most once, and not by a dispose.
   */
  onClosed(reason: string | undefined): void;
  readonly limits: SpdyLimits;
  readonly clock: Pick<Clock, "monotonicMs">;
}
