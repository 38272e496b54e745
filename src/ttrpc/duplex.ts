/** A stream of bytes both ways: a socket, or one connection of several on a socket. */
export interface Duplex {
  /** Takes all bytes; what the other side does not read yet waits. */
  write(bytes: Uint8Array): void;
  /** Called once, before anything can have arrived. */
  listen(on: { readonly data: (chunk: Uint8Array) => void; readonly gone: (reason: Error) => void }): void;
  /** Bytes that were written and not yet taken by the kernel. */
  readonly unsentBytes: number;
  close(): void;
}
