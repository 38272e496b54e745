/**
 * The live ends of a process: an exec of its own connection to the monitor, or an attachment to a container's stdio.
 *
 * Output waits in the kernel until `onOutput` is called and whenever `pause` was: back-pressure reaches the process.
 */
export interface ProcessStreams extends Disposable {
  /** One listener; `bytes` is only valid during the call. A terminal's output is all "stdout". */
  onOutput(listener: (stream: "stdout" | "stderr", bytes: Uint8Array) => void): void;
  pause(): void;
  resume(): void;
  /**
   * Resolves when the process's pipe has taken all of it; while paused, only after `resume`. Rejects when its input is closed.
   * One at a time. `headroomBytes`: so much of the memory before `bytes` may be written to, which spares a copy.
   */
  writeStdin(bytes: Uint8Array, headroomBytes?: number): Promise<void>;
  /** End of input: closes the pipe, or sends ^D to a terminal. An attachment closes it only for StdinOnce containers. */
  closeStdin(): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  /** The process's end; an attachment's resolves when its container exits. Rejects with unavailable when the monitor is lost. */
  readonly exited: Promise<{ readonly exitCode: number; readonly signal: number }>;
  /** No output follows any more. */
  readonly drained: Promise<void>;
  /** Lets go at once: an exec's whole process group is killed, an attachment is taken off. Idempotent. */
  [Symbol.dispose](): void;
}

/** A byte connection with half-close and back-pressure on both ways. */
export interface Duplex extends Disposable {
  /** `undefined`: the other side has ended its half. `bytes` is only valid during the call. */
  onData(listener: (bytes: Uint8Array | undefined) => void): void;
  pause(): void;
  resume(): void;
  /** Resolves when taken by the kernel. Rejects when the other side is gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends our half. */
  end(): void;
  /** Resolves when both halves have ended; rejects with the reason when it broke. */
  readonly closed: Promise<void>;
}
