import type { Socket } from "node:net";
import { dataLoss } from "../../errors/crib-error.ts";
import { PieceSplitter } from "../../framing/piece-splitter.ts";
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
  readonly #pieces = new PieceSplitter(headerBytes, (header) => {
    const length = header.getUint32(4);
    if (length > maxPayloadBytes) {
      throw dataLoss(`a piece of ${length} bytes: at most ${maxPayloadBytes} are allowed`);
    }
    return headerBytes + length;
  });
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
    try {
      for (const piece of this.#pieces.push(chunk)) {
        this.#listeners.get(piece.readUInt32BE(0))?.data(piece.subarray(headerBytes));
      }
    } catch (error) {
      this.#socket.destroy();
      this.#gone(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #gone(reason: Error): void {
    if (this.#goneBy !== undefined) return;
    this.#goneBy = reason;
    for (const { gone } of this.#listeners.values()) gone(reason);
  }
}
