import type { FdSocketOptions, Socket, SocketOptions, UnixSocketOptions } from "bun";
import { unavailable } from "../../errors/crib-error.ts";
import type { Fd } from "../../ids/process.ts";
import type { Duplex } from "../../runtime/streams.ts";

type DataListener = (bytes: Uint8Array | undefined) => void;

interface Write {
  rest: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Takes over a connected, non-blocking socket. `where` names it in messages. */
export async function openTcpDuplex(fd: Fd, where: string): Promise<Duplex> {
  const duplex = new TcpDuplex(where);
  const options: FdSocketOptions = {
    fd,
    allowHalfOpen: true,
    socket: {
      open: (socket) => duplex.opened(socket),
      data: (_socket, bytes) => duplex.received(bytes),
      end: () => duplex.received(undefined),
      drain: () => duplex.flush(),
      close: (_socket, error) => duplex.gone(error),
      error: (_socket, error) => duplex.gone(error),
    },
  };
  // bun-types has these options, but no overload that takes them.
  await Bun.connect(options as SocketOptions as UnixSocketOptions);
  return duplex;
}

class TcpDuplex implements Duplex {
  readonly closed: Promise<void>;
  readonly #where: string;
  readonly #close = Promise.withResolvers<void>();
  /** Received, but nobody listens yet or it is paused. */
  readonly #held: (Uint8Array | undefined)[] = [];
  readonly #writes: Write[] = [];
  #socket: Socket | undefined;
  #listener: DataListener | undefined;
  #paused = false;
  #delivering = false;
  #open = true;
  #ending = false;
  #endTold = false;

  constructor(where: string) {
    this.#where = where;
    this.closed = this.#close.promise;
    this.closed.catch(() => undefined);
  }

  opened(socket: Socket): void {
    this.#socket = socket;
    if (this.#listener === undefined) socket.pause();
  }

  onData(listener: DataListener): void {
    this.#listener = listener;
    this.#deliver();
  }

  pause(): void {
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
  }

  write(bytes: Uint8Array): Promise<void> {
    if (!this.#open || this.#ending) return Promise.reject(unavailable(`connection to ${this.#where} has ended`));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#writes.push({ rest: bytes, resolve, reject });
    this.flush();
    return promise;
  }

  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.flush();
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#held.length = 0;
    this.#endTold = true;
    this.#socket?.terminate();
    this.gone(undefined);
  }

  received(bytes: Uint8Array | undefined): void {
    this.#held.push(bytes);
    this.#deliver();
  }

  flush(): void {
    while (this.#open && this.#socket !== undefined) {
      const first = this.#writes[0];
      if (first === undefined) {
        if (this.#ending) this.#socket.shutdown();
        return;
      }
      const written = this.#socket.write(first.rest);
      // Negative: the socket is closing and says so by itself.
      if (written < first.rest.length) {
        if (written > 0) first.rest = first.rest.subarray(written);
        return;
      }
      this.#writes.shift();
      first.resolve();
    }
  }

  gone(error: Error | undefined): void {
    if (!this.#open) return;
    this.#open = false;
    const reason = unavailable(
      `connection to ${this.#where} ended${error === undefined ? "" : `: ${error.message}`}`,
      error,
    );
    for (const write of this.#writes.splice(0)) write.reject(reason);
    if (error !== undefined) this.#close.reject(reason);
    // Ours ended first: the other side's end is told by the close alone.
    else if (!this.#held.includes(undefined)) this.#held.push(undefined);
    this.#deliver();
  }

  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while (this.#listener !== undefined && !this.#paused && this.#held.length > 0) this.#tell(this.#held.shift());
    } finally {
      this.#delivering = false;
    }
    if (this.#held.length > 0) return;
    if (!this.#open) this.#close.resolve();
    else if (this.#listener !== undefined && !this.#paused) this.#socket?.resume();
  }

  #tell(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) {
      if (this.#endTold) return;
      this.#endTold = true;
    }
    this.#listener?.(bytes);
  }
}
