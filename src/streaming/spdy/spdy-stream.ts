/**
 * One stream of a SPDY connection, opened by the peer: two halves that end independently.
 *
 * Listeners are called one after another, never from within the call that set them or `write`; they must not throw.
 */
export interface SpdyStream {
  /** Odd; later streams have greater ids. */
  readonly id: number;
  /** What the peer opened the stream with; names are in lower case. */
  readonly headers: ReadonlyMap<string, string>;

  /** Accepts the stream: the peer waits for it. The first write does it where this was not called. */
  reply(headers?: Iterable<readonly [string, string]>): void;
  /** Turns the stream down; nothing follows. */
  refuse(): void;

  /**
   * Sends bytes, which may be reused when this returns. They are always taken; false asks to stop until `onDrain`.
   * On a stream that is over they go nowhere.
   */
  write(bytes: Uint8Array): boolean;
  /** One listener, called after a `write` that returned false once there is room. */
  onDrain(listener: () => void): void;
  /** Ends our half. */
  end(): void;
  /** Ends both halves at once; `onReset` is not called. */
  reset(): void;

  /**
   * One listener. `bytes` is only valid during the call; `undefined`: the peer has ended its half. What comes before
   * there is a listener, or while paused, is kept; the transport is held when that gets too much.
   */
  onData(listener: (bytes: Uint8Array | undefined) => void): void;
  /** One listener: the stream ended before its time, by the peer or with the connection. Called at most once. */
  onReset(listener: (reason: string) => void): void;
  pause(): void;
  resume(): void;
}
