import { encodeHeaderBlock } from "../../../src/streaming/spdy/header-block.ts";
import { controlFrame, dataFrame, HeaderStream, numbers, SpdyPeer } from "../../fixtures/spdy-peer.ts";
import type { FuzzTarget } from "../fuzz-target.ts";
import { WatchedStream } from "./watched-stream.ts";

const limits = {
  maxOpenStreams: 8,
  maxStreamBufferBytes: 2000,
  maxConnectionBufferBytes: 6000,
  maxQueuedBytes: 20_000,
  resets: { burst: 40, perSecond: 0 },
  housekeeping: { burst: 40, perSecond: 0 },
} as const;

const examples = ["0103052a2a2a0111", "0101210533010a10", "010501ff03ff11053302ff12", "0107210a02220b0d0c"];

/**
 * A conversation in two bytes a step, an act and its argument: the peer's frames, well formed, and what the owner of the streams
 * does in between. Checks that what was sent is what arrives, and that the transport is held whenever too much is kept.
 */
export function spdyFrames(): FuzzTarget {
  return {
    name: "spdy-frames",
    maxInputBytes: 600,
    maxInputMs: 250,
    examples: () => examples.map((example) => Buffer.from(example, "hex")),
    tokens: [],
    run(input) {
      const conversation = new Conversation();
      for (let at = 0; at + 1 < input.length; at += 2) conversation.act(input[at] ?? 0, input[at + 1] ?? 0);
      return conversation.finish();
    },
  };
}

class Conversation {
  readonly #headers = new HeaderStream();
  readonly #watched: WatchedStream[] = [];
  readonly #words = new Set<string>();
  readonly #peer = new SpdyPeer(limits, (stream) => {
    this.#watched.push(new WatchedStream(stream));
  });
  #nextId = 1;

  act(act: number, argument: number): void {
    const watched = this.#watched[argument % Math.max(1, this.#watched.length)];
    const kind = act % 20;
    // A held transport delivers nothing.
    if (kind < 9) {
      if (this.#held) return;
      this.#fromPeer(kind, argument, watched);
    } else if (kind < 14) this.#fromTransport(kind, argument);
    else if (watched !== undefined) this.#fromOwner(kind, argument, watched);
    for (const each of this.#watched) each.checkOrder();
  }

  finish(): string {
    this.#peer.takesBytes = true;
    for (let i = 0; i < 100; i++) this.#peer.connection.drained();
    for (const { stream } of this.#watched) stream.resume();
    if (this.#held && this.#peer.closed.length === 0)
      throw new Error("nothing is kept and the transport is still held");
    if (this.#peer.closed.length === 0) for (const each of this.#watched) each.checkDelivered();
    for (const frame of this.#peer.takeFrames()) this.#words.add(frame.replaceAll(/\d+/g, "n"));
    this.#peer[Symbol.dispose]();
    for (const each of this.#watched) each.checkOrder();
    if (this.#peer.closed.length > 1) throw new Error("closed twice");
    return (
      [...this.#words, ...this.#peer.closed, ...new Set(this.#peer.holds)].sort().join().replaceAll(/\d+/g, "n") ||
      "silence"
    );
  }

  get #held(): boolean {
    return this.#peer.holds.at(-1) === "hold";
  }

  #fromPeer(kind: number, argument: number, watched: WatchedStream | undefined): void {
    const id = watched?.stream.id ?? argument * 2 + 1;
    const block = (): Uint8Array => this.#headers.compress(encodeHeaderBlock([["kind", String(argument % 7)]]));
    switch (kind) {
      case 0:
      case 1: {
        const fin = argument % 5 === 0 ? 1 : 0;
        const before = this.#watched.length;
        this.#peer.send(controlFrame(1, Buffer.concat([numbers(this.#nextId, 0), Uint8Array.of(0, 0), block()]), fin));
        const opened = this.#watched[before];
        if (opened !== undefined && fin === 1) opened.sentEnd = true;
        this.#nextId += 2;
        break;
      }
      case 2:
      case 3:
      case 4: {
        const fin = kind === 4 ? 1 : 0;
        const length = fin === 1 ? argument % 3 : argument * 8;
        if (watched !== undefined && !watched.over) {
          if (watched.sentEnd) watched.abandoned = true;
          watched.sentBytes += length;
          if (fin === 1) watched.sentEnd = true;
        }
        this.#peer.send(dataFrame(id, new Uint8Array(length), fin));
        break;
      }
      case 5:
        this.#peer.send(controlFrame(3, numbers(id, 1 + (argument % 11))));
        break;
      case 6:
        this.#peer.send(controlFrame(6, numbers(argument)));
        break;
      case 7:
        if (watched !== undefined && argument % 2 === 1) watched.sentEnd = true;
        this.#peer.send(controlFrame(8, Buffer.concat([numbers(id), block()]), argument % 2));
        break;
      default:
        this.#peer.send(
          controlFrame([4, 7, 9, 42, 1, 2][argument % 6] ?? 4, numbers(...[id, 0, 0].slice(argument % 2))),
        );
    }
  }

  #fromTransport(kind: number, argument: number): void {
    if (kind === 9) this.#peer.takesBytes = false;
    else if (kind === 13 && argument === 255) this.#peer.connection.goAway();
    else {
      this.#peer.takesBytes = true;
      this.#peer.connection.drained();
    }
  }

  #fromOwner(kind: number, argument: number, watched: WatchedStream): void {
    const { stream } = watched;
    switch (kind) {
      case 14:
        stream.pause();
        break;
      case 15:
        stream.resume();
        break;
      case 16:
        stream.write(new Uint8Array(argument * 16));
        break;
      case 17:
        stream.end();
        break;
      case 18:
        stream.onDrain(() => stream.write(Uint8Array.of(1)));
        stream.reply([["kind", "reply"]]);
        break;
      default:
        watched.abandoned = true;
        if (argument % 2 === 0) stream.reset();
        else stream.refuse();
    }
  }
}
