import { CribError } from "../../errors/crib-error.ts";
import { RateBudget } from "../../observe/rate-budget.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import {
  controlFrameMinimumBytes,
  FLAG_FIN,
  FLAG_UNIDIRECTIONAL,
  FrameType,
  GoAwayStatus,
  MAX_STREAM_ID,
  ResetStatus,
} from "./frame-types.ts";
import { FrameWriter } from "./frame-writer.ts";
import { parseHeaderBlockIfSound } from "./header-block.ts";
import { HeaderInflater } from "./header-inflater.ts";
import { InboundTotals } from "./inbound-buffer.ts";
import { Outbox } from "./outbox.ts";
import { ServerStream, type StreamHost } from "./server-stream.ts";
import type { SpdyOptions } from "./spdy-options.ts";

/**
 * The server's end of a SPDY/3.1 connection as Kubernetes' clients speak it (draft-mbelshe-httpbis-spdy-00), over any transport.
 *
 * Flow control is the transport's alone, as in every server these clients know: see docs/decisions/0050. There is no timer:
 * all that is counted over time is counted when frames arrive. Nothing throws for what a peer sends.
 */
export class SpdyConnection {
  readonly #options: SpdyOptions;
  readonly #outbox: Outbox;
  readonly #writer: FrameWriter;
  readonly #reader: FrameReader;
  readonly #inflater: HeaderInflater;
  readonly #totals: InboundTotals;
  readonly #host: StreamHost;
  readonly #housekeeping: RateBudget;
  readonly #resets: RateBudget;
  readonly #streams = new Map<number, ServerStream>();
  /** Streams whose last write found no room, the longest waiting first. */
  readonly #waiting = new Set<ServerStream>();
  /** The stream of the DATA frame that is being read. */
  #current: ServerStream | undefined;
  #lastStreamId = 0;
  #nextPingId = 2;
  #streamCount = 0;
  #inputHeld = false;
  #leaving = false;
  #closed = false;

  constructor(options: SpdyOptions) {
    const { limits, clock } = options;
    this.#options = options;
    this.#outbox = new Outbox((bytes) => options.write(bytes), limits.maxQueuedBytes);
    this.#writer = new FrameWriter(this.#outbox);
    this.#reader = new FrameReader(this.#sink(), limits.maxControlFrameBytes);
    this.#inflater = new HeaderInflater(limits.maxHeaderBytes);
    this.#totals = new InboundTotals(limits.maxStreamBufferBytes, limits.maxConnectionBufferBytes);
    this.#housekeeping = new RateBudget(limits.housekeeping, clock);
    this.#resets = new RateBudget(limits.resets, clock);
    this.#host = {
      writer: this.#writer,
      totals: this.#totals,
      wrote: (stream) => this.#wrote(stream),
      took: () => this.#updateHold(),
      closed: (stream) => this.#forget(stream),
    };
  }

  /** Bytes from the transport; they may be reused when this returns. */
  receive(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#reader.read(bytes);
    this.#afterInput();
  }

  /** The transport has written what it held back. */
  drained(): void {
    if (this.#closed) return;
    this.#outbox.drained();
    for (const stream of [...this.#waiting]) {
      if (!this.#outbox.open) break;
      this.#waiting.delete(stream);
      stream.drained();
    }
    this.#leaveWhenDone();
  }

  /**
   * Takes no more streams, and ends when the open ones have. Send everything first: spdystream reads nothing behind a
   * GOAWAY.
   */
  goAway(): void {
    if (this.#closed || this.#leaving) return;
    this.#leaving = true;
    this.#writer.goAway(this.#lastStreamId, GoAwayStatus.Ok);
    this.#leaveWhenDone();
  }

  /**
   * Sends a ping whose answer is not waited for. If the peer's process has ended, its kernel answers with a reset. Our ids are even.
   */
  ping(): void {
    if (this.#closed) return;
    this.#writer.ping(this.#nextPingId);
    this.#nextPingId = (this.#nextPingId + 2) & MAX_STREAM_ID;
  }

  /** The transport is gone: every open stream hears `onReset`. */
  [Symbol.dispose](): void {
    this.#close("the connection was closed");
  }

  #sink(): FrameSink {
    return {
      onControl: (type, flags, payload) => this.#onControl(type, flags, payload),
      onDataBegin: (streamId) => this.#onDataBegin(streamId),
      onDataPiece: (piece) => this.#current?.receive(piece),
      onDataEnd: (flags) => {
        const stream = this.#current;
        this.#current = undefined;
        if ((flags & FLAG_FIN) !== 0) stream?.receiveEnd();
      },
      onMalformed: (reason) => this.#fail(reason),
    };
  }

  #onDataBegin(streamId: number): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      // Of a stream that is over it is what was under way when it ended.
      if (streamId % 2 === 0 || streamId > this.#lastStreamId) this.#rejectStream(streamId, ResetStatus.InvalidStream);
    } else if (stream.remoteEnded) {
      this.#rejectStream(streamId, ResetStatus.StreamAlreadyClosed);
      stream.lose("the peer sent data behind the end of the stream");
    } else {
      this.#current = stream;
    }
  }

  #onControl(type: number, flags: number, payload: Uint8Array): void {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const minimum = controlFrameMinimumBytes.get(type) ?? 0;
    if (payload.length < minimum) {
      this.#fail(`a control frame of type ${type} with ${payload.length} bytes`);
      return;
    }
    switch (type) {
      case FrameType.SynStream:
        this.#onSynStream(view.getUint32(0) & MAX_STREAM_ID, flags, payload.subarray(10));
        break;
      case FrameType.RstStream:
        this.#onRstStream(view.getUint32(0) & MAX_STREAM_ID, view.getUint32(4));
        break;
      case FrameType.Ping:
        this.#onPing(view.getUint32(0));
        break;
      case FrameType.GoAway:
        this.#leaving = true;
        break;
      case FrameType.Headers:
        this.#onHeaders(view.getUint32(0) & MAX_STREAM_ID, flags, payload.subarray(4));
        break;
      case FrameType.WindowUpdate:
        break;
      case FrameType.SynReply:
        this.#fail("a reply to a stream nobody opened");
        break;
      default:
        // SETTINGS has nothing for a server without windows; unknown types are to be ignored (draft section 2.2.1).
        if (!this.#housekeeping.spend()) this.#fail("too many control frames");
    }
  }

  #onSynStream(streamId: number, flags: number, block: Uint8Array): void {
    const plain = this.#inflate(block);
    if (plain === undefined) return;
    if (streamId % 2 === 0 || streamId <= this.#lastStreamId) {
      this.#fail(`stream ${streamId} opened after ${this.#lastStreamId}: ids are odd and grow`);
      return;
    }
    this.#lastStreamId = streamId;
    if (this.#leaving) return;
    const { maxOpenStreams, maxStreams, maxHeaders } = this.#options.limits;
    if (
      this.#streams.size >= maxOpenStreams ||
      this.#streamCount >= maxStreams ||
      (flags & FLAG_UNIDIRECTIONAL) !== 0
    ) {
      this.#rejectStream(streamId, ResetStatus.RefusedStream);
      return;
    }
    const headers = parseHeaderBlockIfSound(plain, maxHeaders);
    if (headers === undefined) {
      this.#rejectStream(streamId, ResetStatus.ProtocolError);
      return;
    }
    this.#streamCount++;
    const stream = new ServerStream(streamId, headers, this.#host);
    this.#streams.set(streamId, stream);
    this.#options.onStream(stream);
    if ((flags & FLAG_FIN) !== 0) stream.receiveEnd();
  }

  #onHeaders(streamId: number, flags: number, block: Uint8Array): void {
    // Nobody asks for later headers; they are read because the compression of all others depends on them.
    if (this.#inflate(block) === undefined) return;
    if (!this.#housekeeping.spend()) {
      this.#fail("too many control frames");
      return;
    }
    if ((flags & FLAG_FIN) !== 0) this.#streams.get(streamId)?.receiveEnd();
  }

  #onRstStream(streamId: number, status: number): void {
    if (!this.#resets.spend()) {
      this.#fail("too many streams reset");
      return;
    }
    this.#streams.get(streamId)?.lose(`the peer reset the stream with status ${status}`);
  }

  #onPing(id: number): void {
    if (!this.#housekeeping.spend()) {
      this.#fail("too many control frames");
      return;
    }
    // Even ids answer our own pings, whose answers are not waited for.
    if (id % 2 === 1) this.#writer.ping(id);
  }

  /** Decompresses, or ends the connection: after a broken block no other can be read. */
  #inflate(block: Uint8Array): Uint8Array | undefined {
    try {
      return this.#inflater.inflate(block);
    } catch (error) {
      if (!CribError.is(error)) throw error;
      this.#fail(error.message);
      return undefined;
    }
  }

  #rejectStream(streamId: number, status: number): void {
    if (!this.#resets.spend()) {
      this.#fail("too many streams rejected");
      return;
    }
    this.#writer.rstStream(streamId, status);
  }

  #wrote(stream: ServerStream): boolean {
    if (this.#outbox.overfull) this.#fail("the peer does not read what it is sent");
    if (this.#outbox.open || this.#closed) return true;
    this.#waiting.add(stream);
    return false;
  }

  #forget(stream: ServerStream): void {
    this.#streams.delete(stream.id);
    this.#waiting.delete(stream);
    if (this.#current === stream) this.#current = undefined;
    this.#updateHold();
    this.#leaveWhenDone();
  }

  #afterInput(): void {
    if (this.#totals.burst) this.#fail("the transport was not held");
    if (this.#outbox.overfull) this.#fail("the peer does not read what it is sent");
    this.#updateHold();
    this.#leaveWhenDone();
  }

  #updateHold(): void {
    if (this.#closed || this.#totals.full === this.#inputHeld) return;
    this.#inputHeld = !this.#inputHeld;
    this.#options.holdInput(this.#inputHeld);
  }

  #leaveWhenDone(): void {
    if (this.#closed || !this.#leaving || this.#streams.size > 0 || !this.#outbox.empty) return;
    this.#close("the connection has ended");
    this.#options.onClosed(undefined);
  }

  #fail(reason: string): void {
    if (this.#closed) return;
    this.#writer.goAway(this.#lastStreamId, GoAwayStatus.ProtocolError);
    this.#close(reason);
    this.#options.onClosed(reason);
  }

  #close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader.stop();
    this.#outbox.close();
    const open = [...this.#streams.values()];
    for (const stream of open) stream.lose(reason);
  }
}
