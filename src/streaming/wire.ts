import type { Clock } from "../observe/clock.ts";

/** What a protocol does with the bytes of its connection. Set once the HTTP head is read. */
export interface WireHandler {
  /** `bytes` belongs to the handler. */
  onData(bytes: Uint8Array): void;
  /** What was held back has been taken by the kernel. */
  onDrain(): void;
  /** Nothing is received any more. Not called after {@link Wire.finish} or {@link Wire.destroy}. */
  onGone(reason: string): void;
}

/** The part of Bun's socket that a wire uses. */
export interface WireSocket {
  /** The bytes the kernel took; negative when the connection is gone. */
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  /** Sends a FIN. */
  shutdown(): void;
  terminate(): void;
}

/** Held back for a client that does not read although everything waits for it: pings answered, last words. */
const maxHeldBytes = 16 * 1024 * 1024;
/** How long a client may take to read the end and close. */
const lingerMs = 5_000;

/**
 * A client's connection: bytes in and out, with the back-pressure of the kernel's buffers in both directions.
 *
 * An end is a FIN after everything is sent, then reading on until the client closes: a close over unread input would be a
 * reset, and that can overtake the exit code that was just sent.
 */
export class Wire {
  readonly #socket: WireSocket;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #onMoved: (bytes: number) => void;
  readonly #lingering = new AbortController();
  #handler: WireHandler | undefined;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #state: "open" | "finishing" | "closed" = "open";

  /** @param onMoved told of what comes and what is to go, as it happens. */
  constructor(socket: WireSocket, clock: Pick<Clock, "sleep">, onMoved: (bytes: number) => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#onMoved = onMoved;
  }

  handle(handler: WireHandler): void {
    this.#handler = handler;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Takes all of `bytes`, which may be reused afterwards. False: send no more than needed until `onDrain`. */
  send(bytes: Uint8Array): boolean {
    if (this.#state !== "open") return true;
    this.#onMoved(bytes.length);
    if (this.#heldBytes > 0) {
      this.#hold(new Uint8Array(bytes));
      return false;
    }
    const taken = this.#socket.write(bytes);
    if (taken >= bytes.length) return true;
    // A connection that is gone says so by its close event.
    if (taken >= 0) this.#hold(new Uint8Array(bytes.subarray(taken)));
    return false;
  }

  pause(): void {
    if (this.#state === "open") this.#socket.pause();
  }

  resume(): void {
    if (this.#state === "open") this.#socket.resume();
  }

  /** Sends what is held back, then the end. The handler hears nothing more. */
  finish(): void {
    if (this.#state !== "open") return;
    this.#state = "finishing";
    this.#socket.resume();
    if (this.#heldBytes === 0) this.#socket.shutdown();
    this.#clock.sleep(lingerMs, this.#lingering.signal).then(
      (passed) => {
        if (passed) this.destroy();
      },
      () => this.destroy(),
    );
  }

  /** The handler hears nothing more. */
  destroy(): void {
    if (this.#state === "closed") return;
    this.#close();
    this.#socket.terminate();
  }

  /** Called by the listener. */
  received(bytes: Uint8Array): void {
    this.#onMoved(bytes.length);
    if (this.#state === "open") this.#handler?.onData(bytes);
  }

  /** Called by the listener: the kernel takes bytes again. */
  writable(): void {
    while (this.#state !== "closed") {
      const next = this.#held[0];
      if (next === undefined) break;
      const taken = this.#socket.write(next);
      if (taken < 0) return;
      this.#heldBytes -= taken;
      if (taken < next.length) {
        this.#held[0] = next.subarray(taken);
        return;
      }
      this.#held.shift();
    }
    if (this.#state === "finishing") this.#socket.shutdown();
    else if (this.#state === "open") this.#handler?.onDrain();
  }

  /** Called by the listener: the client has sent its end, or the connection is closed. */
  gone(reason: string): void {
    const wasOpen = this.#state === "open";
    this.destroy();
    if (wasOpen) this.#handler?.onGone(reason);
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > maxHeldBytes) this.gone("the client does not read");
  }

  #close(): void {
    this.#state = "closed";
    this.#held = [];
    this.#heldBytes = 0;
    this.#lingering.abort();
  }
}
