import { CribError } from "../../../errors/crib-error.ts";
import { FrameKind } from "../wire-numbers.ts";
import { type Frame, headerBytes, maxPayloadBytes } from "./frames.ts";

export interface SessionFrameSink {
  /** A piece of output; a frame may come in several. */
  output(stream: "stdout" | "stderr", bytes: Uint8Array): void;
  /** Every other frame, whole. */
  frame(frame: Frame): void;
}

/**
 * Cuts the byte stream of one session's connection, where nearly everything is output: that is passed on as it arrives,
 * without copies and without waiting for the end of its frame.
 */
export class SessionFrames {
  readonly #sink: SessionFrameSink;
  /** The beginning of a frame, or all of one that is no output, until it is complete. */
  #partial: Uint8Array = new Uint8Array(0);
  #outputLeft = 0;
  #stream: "stdout" | "stderr" = "stdout";

  constructor(sink: SessionFrameSink) {
    this.#sink = sink;
  }

  /**
   * Reads on at most as far as `isWanted` allows, asked after each piece; returns how many bytes it took.
   * @throws {CribError} data-loss for bytes no monitor writes.
   */
  push(chunk: Uint8Array, isWanted: () => boolean): number {
    let at = 0;
    while (at < chunk.length && isWanted()) {
      if (this.#outputLeft > 0) {
        const end = Math.min(chunk.length, at + this.#outputLeft);
        this.#outputLeft -= end - at;
        const bytes = chunk.subarray(at, end);
        at = end;
        this.#sink.output(this.#stream, bytes);
      } else {
        at += this.#takeBeginning(chunk.subarray(at));
      }
    }
    return at;
  }

  /** Takes what is missing of a frame's beginning; once that is complete, acts on it. */
  #takeBeginning(rest: Uint8Array): number {
    const kept = this.#partial.length;
    const known = kept === 0 ? rest : Buffer.concat([this.#partial, rest.subarray(0, this.#wanted() - kept)]);
    const wanted = neededBytes(known);
    if (known.length < wanted) {
      this.#partial = known.slice();
      return known.length - kept;
    }
    this.#partial = new Uint8Array(0);
    this.#act(known.subarray(0, wanted));
    return wanted - kept;
  }

  #wanted(): number {
    return neededBytes(this.#partial);
  }

  #act(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const kind = view.getUint16(4, true);
    if (kind === FrameKind.execOutput) {
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
  const view = new DataView(known.buffer, known.byteOffset, known.byteLength);
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

function malformed(): CribError {
  return new CribError("data-loss", "malformed frame from a pod's monitor");
}
