import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CribError } from "../errors/crib-error.ts";
import { type Request, RequestSchema, ResponseSchema } from "../gen/ttrpc/v1/ttrpc_pb.ts";
import type { Duplex } from "./duplex.ts";
import { encodeFrame, FrameReader, FrameType, maxMessageBytes } from "./frame.ts";
import { statusOfError } from "./status-code.ts";

/** More requests at once than this end the connection: a client waits for its answers. */
const maxRequestsAtOnce = 64;
/** A client that does not read its answers is given up. */
const maxUnsentBytes = 4 * maxMessageBytes;

/** A method with what answers it, made by {@link handler}. */
export interface Handler {
  readonly service: string;
  readonly method: string;
  readonly answer: (payload: Uint8Array) => Promise<Uint8Array>;
}

/** Binds a method of a generated service to the function that answers it. */
export function handler<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  answer: (input: MessageShape<I>) => Promise<MessageInitShape<O>>,
): Handler {
  return {
    service: method.parent.typeName,
    method: method.name,
    answer: async (payload) => {
      const output = await answer(fromBinary(method.input, payload));
      return toBinary(method.output, create(method.output, output));
    },
  };
}

/** The answering side of ttRPC over one connection. It lives as long as the connection. */
export class TtrpcServer {
  readonly #duplex: Duplex;
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #reader = new FrameReader();
  #atOnce = 0;

  /** The first of two handlers of one method answers. */
  constructor(duplex: Duplex, handlers: readonly Handler[]) {
    this.#duplex = duplex;
    this.#handlers = new Map(handlers.toReversed().map((each) => [`${each.service}/${each.method}`, each]));
    duplex.listen({ data: (chunk) => this.#read(chunk), gone: () => undefined });
  }

  #read(chunk: Uint8Array): void {
    try {
      for (const { streamId, type, message } of this.#reader.push(chunk)) {
        if (type !== FrameType.request) continue;
        this.#atOnce += 1;
        if (this.#atOnce > maxRequestsAtOnce) throw new CribError("resource-exhausted", "too many requests at once");
        void this.#serve(streamId, fromBinary(RequestSchema, message)).finally(() => {
          this.#atOnce -= 1;
        });
      }
    } catch {
      // A broken frame or a flood: there is no stream to answer on.
      this.#duplex.close();
    }
  }

  async #serve(streamId: number, request: Request): Promise<void> {
    try {
      const payload = await this.#answer(request);
      this.#respond(streamId, { status: { code: 0, message: "" }, payload });
    } catch (error) {
      this.#respond(streamId, { status: statusOfError(error) });
    }
  }

  async #answer({ service, method, payload }: Request): Promise<Uint8Array> {
    const found = this.#handlers.get(`${service}/${method}`);
    if (found === undefined) {
      throw new CribError("unimplemented", `method ${method} of service ${service} not implemented`);
    }
    return await found.answer(payload);
  }

  #respond(streamId: number, response: MessageInitShape<typeof ResponseSchema>): void {
    const message = toBinary(ResponseSchema, create(ResponseSchema, response));
    this.#duplex.write(encodeFrame({ streamId, type: FrameType.response, flags: 0, message }));
    if (this.#duplex.unsentBytes > maxUnsentBytes) this.#duplex.close();
  }
}
