import { CribError, internal, unavailable } from "../../errors/crib-error.ts";
import type { Fd } from "../../ids/process.ts";
import type { Kernel } from "../../kernel/port.ts";
import { HelperProcess, type HelperReply } from "./helper-process.ts";
import { layerFailures as failures, layerReplies as kinds } from "./layer-numbers.ts";
import { askOrder, takeOrder } from "./orders.ts";

export interface ReceiveRequest {
  /** Numeric; the first that accepts is taken. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** The request's bytes, as they go to the server. */
  readonly ask: Uint8Array;
  readonly connectMs: number;
  readonly silenceMs: number;
  readonly minBytesPerSecond: number;
  /** Open for reading and appending. */
  readonly file: Fd;
  /** How messages name the server. */
  readonly server: string;
}

export interface ReceivedBytes {
  /** Bytes that the file has now. */
  readonly offset: number;
  /** `sha256:…` of all of them. */
  readonly digest: string;
}

type ReceiverReply =
  | { readonly kind: "head"; readonly head: string }
  | { readonly kind: "progress"; readonly offset: number }
  | { readonly kind: "received"; readonly received: ReceivedBytes };

/** One `crib-layer receive`: the connection that a blob comes over, from its request to the file. */
export class BlobReceiver {
  readonly #helper: HelperProcess<ReceiverReply>;
  /** The head of the answer, up to the empty line. */
  readonly head: string;

  /**
   * Asks, and returns with the head of the answer.
   * @throws {CribError} unavailable for a server that does not answer; the signal's reason.
   */
  static async ask(
    kernel: Kernel,
    executable: Fd,
    request: ReceiveRequest,
    signal: AbortSignal,
  ): Promise<BlobReceiver> {
    const { addresses, port, connectMs, silenceMs, minBytesPerSecond, file, server } = request;
    const args = ["receive", addresses.join(","), ...[port, connectMs, silenceMs, minBytesPerSecond].map(String)];
    const parse = (frame: Buffer): HelperReply<ReceiverReply> => parseReply(frame, server);
    const helper = await HelperProcess.start(kernel, executable, args, [file], parse);
    const aborted = (): void => helper[Symbol.dispose]();
    signal.addEventListener("abort", aborted);
    try {
      signal.throwIfAborted();
      helper.send(askOrder(request.ask));
      const reply = await helper.reply();
      if (reply.kind !== "head") throw internal(`crib-layer answered ${reply.kind}, not head`);
      return new BlobReceiver(helper, reply.head);
    } catch (error) {
      // It has written nothing yet: its end need not be waited for.
      helper[Symbol.dispose]();
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", aborted);
    }
  }

  private constructor(helper: HelperProcess<ReceiverReply>, head: string) {
    this.#helper = helper;
    this.head = head;
  }

  /**
   * Takes the body, or as much of it as comes.
   * @param skip bytes of it that the file has already.
   * @param take at most so many behind those.
   * @param length what the file has: it is hashed as well.
   * @throws {CribError} unavailable for a connection that broke, resource-exhausted for a full disk. Nothing is written any more then.
   */
  async take(
    skip: number,
    take: number,
    length: number,
    signal: AbortSignal,
    tell: (offset: number) => void,
  ): Promise<ReceivedBytes> {
    const aborted = (): void => void this.#helper.kill().catch(() => undefined);
    signal.addEventListener("abort", aborted);
    try {
      signal.throwIfAborted();
      this.#helper.send(takeOrder(skip, take, length));
      for (;;) {
        const reply = await this.#helper.reply();
        if (reply.kind === "received") return reply.received;
        if (reply.kind === "progress") tell(reply.offset);
      }
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", aborted);
      await this.end();
    }
  }

  /** Closes the connection, and returns when nothing is written any more. */
  async end(): Promise<void> {
    await this.#helper.kill();
  }
}

function parseReply(frame: Buffer, server: string): HelperReply<ReceiverReply> {
  switch (frame[0]) {
    case kinds.head:
      return { reply: { kind: "head", head: frame.toString("latin1", 1) } };
    case kinds.progress:
      return { reply: { kind: "progress", offset: Number(frame.readBigUInt64LE(1)) } };
    case kinds.received: {
      const digest = `sha256:${frame.toString("hex", 9)}`;
      return { reply: { kind: "received", received: { offset: Number(frame.readBigUInt64LE(1)), digest } } };
    }
    case kinds.failed:
      return { failure: failureOf(frame[1] ?? 0, frame.toString("utf8", 2), server) };
    default:
      throw internal(`crib-layer sent a reply of kind ${frame[0]}`);
  }
}

function failureOf(kind: number, text: string, server: string): CribError {
  switch (kind) {
    case failures.silent:
    case failures.slow:
      return unavailable(`${server} ${text}`);
    case failures.unreached:
    case failures.broken:
      return unavailable(`${server}: ${text.charAt(0).toLowerCase()}${text.slice(1)}`);
    case failures.full:
      return new CribError("resource-exhausted", text);
    default:
      return internal(`crib-layer: ${text}`);
  }
}
