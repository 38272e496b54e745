import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { CribError, unavailable } from "../../errors/crib-error.ts";
import type { ContainerSchema, PodSandboxSchema } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import { Plugin as PluginService } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import type { TtrpcClient } from "../../ttrpc/ttrpc-client.ts";
import { UnansweredCall } from "../../ttrpc/unanswered-call.ts";
import type { PluginRequest } from "./plugin-events.ts";
import { subscribes } from "./plugin-events.ts";
import type { PluginLimits } from "./plugin-limits.ts";

export interface PluginPolicy {
  /** A request this plugin does not answer fails; otherwise it goes on without the plugin. */
  readonly failRequest: boolean;
  /** A request it does not answer in time does not cost its connection. */
  readonly keepConnected: boolean;
  /** Bit mask of what it subscribes to. */
  readonly events: number;
}

/** What a StateChange tells an older plugin. */
export interface Subject {
  readonly pod?: MessageInitShape<typeof PodSandboxSchema>;
  readonly container?: MessageInitShape<typeof ContainerSchema>;
}

/** One plugin that has registered. It is asked one thing at a time, as plugins have come to rely on. */
export class RegisteredPlugin implements Disposable {
  /** `INDEX-name`: plugins are asked in the order of these. */
  readonly name: string;
  readonly policy: PluginPolicy;
  readonly limits: PluginLimits;
  readonly #client: TtrpcClient;
  readonly #connection: Disposable;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(name: string, policy: PluginPolicy, limits: PluginLimits, client: TtrpcClient, connection: Disposable) {
    this.name = name;
    this.policy = policy;
    this.limits = limits;
    this.#client = client;
    this.#connection = connection;
  }

  get closed(): boolean {
    return this.#closed;
  }

  wants({ event }: PluginRequest): boolean {
    return !this.#closed && subscribes(this.policy.events, event);
  }

  /**
   * Its answer; undefined where it did not answer and the request may go on without it.
   *
   * @throws {CribError} what it answered, and what keeps it from answering where its policy is to fail the request.
   */
  async ask<I extends DescMessage, O extends DescMessage>(
    request: PluginRequest<I, O>,
    input: MessageInitShape<I>,
    subject: Subject,
    timeoutMs: number = this.limits.requestMs,
  ): Promise<MessageShape<O> | undefined> {
    return await this.#inTurn(async () => {
      // It may have gone while this waited for its turn.
      if (this.#closed) return this.#unanswered(request, unavailable(`plugin ${this.name} is gone`));
      try {
        return await this.#call(request, input, subject, timeoutMs);
      } catch (error) {
        if (!(error instanceof UnansweredCall)) throw named(this.name, error);
        if (error.why !== "timeout" || !this.policy.keepConnected) this[Symbol.dispose]();
        return this.#unanswered(request, error);
      }
    });
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection[Symbol.dispose]();
  }

  async #call<I extends DescMessage, O extends DescMessage>(
    { method, event, olderAsStateChange }: PluginRequest<I, O>,
    input: MessageInitShape<I>,
    subject: Subject,
    timeoutMs: number,
  ): Promise<MessageShape<O> | undefined> {
    try {
      return await this.#client.call(method, input, timeoutMs);
    } catch (error) {
      if (!olderAsStateChange || !CribError.is(error, "unimplemented")) throw error;
      await this.#client.call(PluginService.method.stateChange, { event, ...subject }, timeoutMs);
      return undefined;
    }
  }

  #unanswered({ method }: PluginRequest, error: CribError): undefined {
    if (this.policy.failRequest) {
      throw unavailable(`plugin ${this.name} failed to handle ${method.name}: ${error.message}`, error);
    }
    return undefined;
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    if (this.#waiting >= maxWaiting) {
      throw new CribError("resource-exhausted", `plugin ${this.name} has ${maxWaiting} requests waiting for it`);
    }
    this.#waiting += 1;
    const turn = this.#last.then(task);
    // The next one waits for the end of this one, however it ends.
    this.#last = turn.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }
}

/** A node's pods can wait for a slow plugin; a flood must not grow without end. */
const maxWaiting = 1000;

function named(plugin: string, error: unknown): CribError {
  if (!CribError.is(error)) return unavailable(`plugin ${plugin}: ${String(error)}`, error);
  return new CribError(error.code, error.message.replace(/^plugin: /, `plugin ${plugin}: `), { cause: error });
}
