import type { Allowance } from "../../observe/rate-budget.ts";

/**
 * What one connection may cost. Every limit ends what passes it: the stream where it is the stream's fault, else the
 * connection (CVE-2026-35469 is what a SPDY server without them looks like).
 */
export interface SpdyLimits {
  /** Payload of a control frame, which is where compressed headers are. DATA is passed on as it arrives and has no limit. */
  readonly maxControlFrameBytes: number;
  /** A header block after decompression. */
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  /** Streams open at once. Two or three for an exec; two for each connection of a port-forward. */
  readonly maxOpenStreams: number;
  /** Streams in the life of the connection. A busy port-forward makes millions. */
  readonly maxStreams: number;
  /** PING, SETTINGS and frames of unknown types. Clients ping every 5 s. */
  readonly housekeeping: Allowance;
  /** RST_STREAM in either direction: a port-forward resets one stream for each connection its far end closes first. */
  readonly resets: Allowance;
  /** Bytes kept for a paused stream before the transport is held: the initial window of the draft. */
  readonly maxStreamBufferBytes: number;
  /** The same for all streams of the connection together. The connection ends at sixteen times this number: the transport was not held. */
  readonly maxConnectionBufferBytes: number;
  /** Bytes that wait for the transport to drain: of writers that have been told to stop, and answers to control frames. */
  readonly maxQueuedBytes: number;
}

export const defaultSpdyLimits: SpdyLimits = {
  maxControlFrameBytes: 16 * 1024,
  maxHeaderBytes: 32 * 1024,
  maxHeaders: 64,
  maxOpenStreams: 2048,
  maxStreams: 1 << 24,
  housekeeping: { burst: 1000, perSecond: 100 },
  resets: { burst: 10_000, perSecond: 1000 },
  maxStreamBufferBytes: 64 * 1024,
  maxConnectionBufferBytes: 1024 * 1024,
  maxQueuedBytes: 64 * 1024 * 1024,
};
