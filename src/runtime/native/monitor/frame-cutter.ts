import { CribError } from "../../../errors/crib-error.ts";
import { FrameKind } from "../wire-numbers.ts";
import { type Frame, headerBytes, maxPayloadBytes } from "./frames.ts";

export interface FrameSink {
  /** A piece of a command's output, which lies in the chunk; a frame may come in several. */
  output(id: string, stream: "stdout" | "stderr", bytes: Uint8Array): void;
  /** Every other frame, whole, with a payload of its own. */
  frame(frame: Frame): void;
}

const always = () => true;

/**
 * Cuts the byte stream of a monitor into frames. Most of it is output: that is passed on as it arrives, without copies and
 * without waiting for the end of its frame.
 */
export class FrameCutter {
  readonly #sink: FrameSink;
  /** A frame's beginning that is not complete yet, with room for as much of it as is known to be needed. */
  #begun: Uint8Array = new Uint8Array(0);
  #held = 0;
  /** Of the output frame that is being passed on. */
  #outputLeft = 0;
  #id = "";
  #stream: "stdout" | "stderr" = "stdout";

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /**
   * Reads on at most as far as `isWanted` allows, asked after each piece; returns how many bytes it took.
   * @throws {CribError} data-loss for bytes that no monitor writes.
   */
  push(chunk: Uint8Array, isWanted: () => boolean = always): number {
    let at = 0;
    while (at < chunk.length && isWanted()) {
      at += this.#outputLeft > 0 ? this.#passOn(chunk.subarray(at)) : this.#takeBeginning(chunk.subarray(at));
    }
    return at;
  }

  #passOn(rest: Uint8Array): number {
    const bytes = rest.subarray(0, this.#outputLeft);
    this.#outputLeft -= bytes.length;
    this.#sink.output(this.#id, this.#stream, bytes);
    return bytes.length;
  }

  /** Takes what is missing of a frame's beginning; once that is complete, acts on it. */
  #takeBeginning(rest: Uint8Array): number {
    if (this.#held === 0) {
      const needed = neededBytes(rest);
      if (rest.length >= needed) {
        this.#act(rest.subarray(0, needed));
        return needed;
      }
      this.#begun = new Uint8Array(needed);
    }
    const part = rest.subarray(0, this.#begun.length - this.#held);
    this.#begun.set(part, this.#held);
    this.#held += part.length;
    if (this.#held === this.#begun.length) this.#actOrGrow();
    return part.length;
  }

  #actOrGrow(): void {
    const begun = this.#begun;
    const needed = neededBytes(begun);
    if (needed > begun.length) {
      this.#begun = new Uint8Array(needed);
      this.#begun.set(begun);
    } else {
      this.#held = 0;
      this.#act(begun);
    }
  }

  #act(bytes: Uint8Array): void {
    const view = viewOf(bytes);
    const kind = view.getUint16(4, true);
    if (kind === FrameKind.execOutput) {
      const idFrom = headerBytes + 4;
      this.#id = Buffer.from(bytes.buffer, bytes.byteOffset + idFrom, view.getUint32(headerBytes, true)).toString();
      this.#stream = view.getUint8(bytes.length - 5) === 2 ? "stderr" : "stdout";
      this.#outputLeft = view.getUint32(bytes.length - 4, true);
      return;
    }
    this.#sink.frame({ kind, request: view.getUint32(8, true), payload: bytes.slice(headerBytes) });
  }
}

/** How long the beginning is that has to be complete: of output all before its bytes, else the whole frame. */
function neededBytes(known: Uint8Array): number {
  if (known.length < headerBytes) return headerBytes;
  const view = viewOf(known);
  const length = view.getUint32(0, true);
  if (length > maxPayloadBytes || view.getUint16(6, true) !== 0) throw malformed();
  if (view.getUint16(4, true) !== FrameKind.execOutput) return headerBytes + length;
  if (known.length < headerBytes + 4) return headerBytes + 4;
  // id with its length and NUL, stream, length of the bytes
  const prefix = 4 + view.getUint32(headerBytes, true) + 1 + 1 + 4;
  if (prefix > length) throw malformed();
  const needed = headerBytes + prefix;
  if (known.length >= needed && view.getUint32(needed - 4, true) !== length - prefix) throw malformed();
  return needed;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function malformed(): CribError {
  return new CribError("data-loss", "malformed frame from a pod's monitor");
}
