import type { Socket } from "node:net";
import { dataLoss } from "../../errors/crib-error.ts";
import type { Duplex } from "../../ttrpc/duplex.ts";
import { frameHeaderBytes, maxMessageBytes } from "../../ttrpc/frame.ts";

/** Connections on a plugin's socket: in the one crib calls the plugin, in the other the plugin calls crib. */
export const pluginConnection = 1;
export const runtimeConnection = 2;

const headerBytes = 8;
const maxPayloadBytes = frameHeaderBytes + maxMessageBytes;
/**
 * The Go stub reads a message through a buffer of this size, and a piece that is longer than what it has room for ends its
 * connection: so a message is cut as Go's own writer cuts it, into a first piece of a buffer and the rest.
 */
const peerBufferBytes = 4096;

type Listener = Parameters<Duplex["listen"]>[0];

/**
 * Several connections on one socket, as NRI has them: each piece has the connection's number and a length before it, in
 * network order. What goes to a connection that is not open is dropped, as the reference does.
 */
export class Trunk implements Disposable {
  readonly #socket: Socket;
  readonly #listeners = new Map<number, Listener>();
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #goneBy: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error) => this.#gone(error));
    socket.on("close", () => this.#gone(new Error("connection closed")));
  }

  open(connection: number): Duplex {
    const socket = this.#socket;
    return {
      write: (bytes) => this.#write(connection, bytes),
      listen: (on) => {
        this.#listeners.set(connection, on);
        if (this.#goneBy !== undefined) on.gone(this.#goneBy);
      },
      get unsentBytes() {
        return socket.writableLength;
      },
      close: () => this[Symbol.dispose](),
    };
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
    this.#gone(new Error("connection closed by crib"));
  }

  #write(connection: number, bytes: Uint8Array): void {
    if (this.#goneBy !== undefined) return;
    this.#writePiece(connection, bytes.subarray(0, peerBufferBytes));
    if (bytes.length > peerBufferBytes) this.#writePiece(connection, bytes.subarray(peerBufferBytes));
  }

  #writePiece(connection: number, bytes: Uint8Array): void {
    const header = Buffer.alloc(headerBytes);
    header.writeUInt32BE(connection, 0);
    header.writeUInt32BE(bytes.length, 4);
    this.#socket.write(Buffer.concat([header, bytes]));
  }

  #read(chunk: Buffer): void {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    while (this.#pendingBytes >= headerBytes) {
      const header = this.#peek(headerBytes);
      const length = header.readUInt32BE(4);
      if (length > maxPayloadBytes) {
        this.#socket.destroy();
        this.#gone(dataLoss(`a piece of ${length} bytes: at most ${maxPayloadBytes} are allowed`));
        return;
      }
      if (this.#pendingBytes < headerBytes + length) return;
      const piece = this.#take(headerBytes + length);
      this.#listeners.get(piece.readUInt32BE(0))?.data(piece.subarray(headerBytes));
    }
  }

  #peek(bytes: number): Buffer {
    const [first] = this.#pending;
    if (first !== undefined && first.length >= bytes) return first;
    this.#pending = [Buffer.concat(this.#pending)];
    return this.#pending[0] ?? Buffer.alloc(0);
  }

  #take(bytes: number): Buffer {
    const all = this.#pending.length === 1 ? this.#peek(0) : Buffer.concat(this.#pending);
    this.#pendingBytes = all.length - bytes;
    this.#pending = this.#pendingBytes === 0 ? [] : [all.subarray(bytes)];
    return all.subarray(0, bytes);
  }

  #gone(reason: Error): void {
    if (this.#goneBy !== undefined) return;
    this.#goneBy = reason;
    for (const { gone } of this.#listeners.values()) gone(reason);
  }
}
