import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CribError } from "../errors/crib-error.ts";
import { RequestSchema, type Response, ResponseSchema } from "../gen/ttrpc/v1/ttrpc_pb.ts";
import type { Clock } from "../observe/clock.ts";
import type { Duplex } from "./duplex.ts";
import { encodeFrame, FrameReader, FrameType, maxMessageBytes } from "./frame.ts";
import { errorOfStatus } from "./status-code.ts";
import { UnansweredCall } from "./unanswered-call.ts";

/** A peer that reads nothing for so long is given up instead of kept in memory. */
const maxUnsentBytes = 4 * maxMessageBytes;

interface Waiting {
  readonly answer: (response: Response) => void;
  readonly fail: (error: Error) => void;
}

export interface CallOptions {
  /** Of a service with the same methods under another name. */
  readonly service?: string;
  readonly metadata?: readonly { readonly key: string; readonly value: string }[];
}

/** The calling side of ttRPC: unary calls over one connection, answered in any order. */
export class TtrpcClient {
  readonly #duplex: Duplex;
  readonly #clock: Clock;
  readonly #peer: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #reader = new FrameReader();
  #nextStream = 1;
  #over: UnansweredCall | undefined;

  /** `peer` names the other side in messages. `onGone` is called once, when no call can be answered any more. */
  constructor(duplex: Duplex, clock: Clock, peer: string, onGone: (reason: Error) => void) {
    this.#duplex = duplex;
    this.#clock = clock;
    this.#peer = peer;
    duplex.listen({
      data: (chunk) => this.#read(chunk),
      gone: (reason) => {
        this.#end(new UnansweredCall("gone", `${peer} is gone: ${reason.message}`, reason));
        onGone(reason);
      },
    });
  }

  /**
   * @throws {UnansweredCall} for no answer within `timeoutMs` and a connection that ended or broke.
   * @throws {CribError} for what the peer answers with a status, and resource-exhausted for a request that is too long.
   */
  async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
    timeoutMs: number,
    { service = method.parent.typeName, metadata = [] }: CallOptions = {},
  ): Promise<MessageShape<O>> {
    if (this.#over !== undefined) throw this.#over;
    const what = `${this.#peer}: ${method.name}`;
    const streamId = this.#nextStream;
    this.#nextStream += 2;
    const message = toBinary(
      RequestSchema,
      create(RequestSchema, {
        service,
        method: method.name,
        payload: toBinary(method.input, create(method.input, input)),
        timeoutNano: BigInt(Math.ceil(timeoutMs)) * 1_000_000n,
        metadata: [...metadata],
      }),
    );
    if (message.length > maxMessageBytes) throw tooLong(what, message.length);
    const response = await this.#answer(streamId, message, what, timeoutMs);
    const { status, payload } = response;
    if (status !== undefined && status.code !== 0) throw errorOfStatus(status.code, status.message, what);
    return this.#decode(method.output, payload, what);
  }

  async #answer(streamId: number, message: Uint8Array, what: string, timeoutMs: number): Promise<Response> {
    const answered = new AbortController();
    try {
      return await new Promise<Response>((answer, fail) => {
        this.#waiting.set(streamId, { answer, fail });
        void this.#clock.sleep(timeoutMs, answered.signal).then((passed) => {
          if (passed) fail(new UnansweredCall("timeout", `${what}: no answer within ${timeoutMs} ms`));
        });
        this.#duplex.write(encodeFrame({ streamId, type: FrameType.request, flags: 0, message }));
        if (this.#duplex.unsentBytes > maxUnsentBytes) {
          this.#end(new UnansweredCall("gone", `${this.#peer} does not read: connection given up`));
          this.#duplex.close();
        }
      });
    } finally {
      answered.abort();
      this.#waiting.delete(streamId);
    }
  }

  #decode<O extends DescMessage>(output: O, payload: Uint8Array, what: string): MessageShape<O> {
    try {
      return fromBinary(output, payload);
    } catch (error) {
      throw this.#broken(`${what}: its answer is no ${output.typeName}`, error);
    }
  }

  #read(chunk: Uint8Array): void {
    try {
      for (const { streamId, type, message } of this.#reader.push(chunk)) {
        if (type !== FrameType.response) continue;
        // The answer to a call that was given up has no reader any more.
        this.#waiting.get(streamId)?.answer(fromBinary(ResponseSchema, message));
      }
    } catch (error) {
      this.#broken(`${this.#peer} does not speak ttrpc`, error);
    }
  }

  /** What comes after a broken frame cannot be trusted: the connection ends. */
  #broken(message: string, cause: unknown): UnansweredCall {
    const error = new UnansweredCall("protocol", message, cause);
    this.#end(error);
    this.#duplex.close();
    return error;
  }

  #end(error: UnansweredCall): void {
    this.#over ??= error;
    for (const { fail } of this.#waiting.values()) fail(this.#over);
    this.#waiting.clear();
  }
}

function tooLong(what: string, bytes: number): CribError {
  return new CribError(
    "resource-exhausted",
    `${what}: request of ${bytes} bytes, at most ${maxMessageBytes} can be sent`,
  );
}
