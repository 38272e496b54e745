import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.ts";
import type { OciHandlerConfig, RuntimeHandlerConfig, ShimHandlerConfig } from "../config/runtime-handler.ts";
import { invalidArgument } from "../errors/crib-error.ts";
import type { SpecSeccomp } from "../oci/runtime-spec.ts";
import type { RuntimeExamination, RuntimeFeatures, SandboxRuntime } from "./port.ts";

/** A name that pods ask for, what the configuration says of it, and who runs them. */
export interface RuntimeHandler {
  readonly name: string;
  readonly config: RuntimeHandlerConfig;
  readonly runtime: SandboxRuntime;
}

export interface HandlerFeatures {
  /** "" is the default handler under its other name. */
  readonly name: string;
  readonly features: RuntimeFeatures;
}

/** What most containers ask for, so that it can be made ahead. */
interface Usual {
  readonly seccomp: SpecSeccomp | undefined;
}

/** Makes what handlers of other runtimes stand for. */
export interface OtherRuntimes {
  readonly oci: (name: string, handler: OciHandlerConfig) => SandboxRuntime;
  readonly shim: (name: string, handler: ShimHandlerConfig) => SandboxRuntime;
}

export interface HandlerExamination extends RuntimeExamination {
  readonly name: string;
  readonly type: RuntimeHandlerConfig["type"];
  readonly isDefault: boolean;
  readonly features: RuntimeFeatures;
}

/** Which runtime runs a pod, by the handler's name that it asks for. */
export class RuntimeHandlers implements Disposable {
  readonly #native: SandboxRuntime;
  readonly #others: OtherRuntimes;
  #handlers: ReadonlyMap<string, RuntimeHandler>;
  #default: RuntimeHandler;
  /** Of handlers that a reload took away: their pods go on as they are. */
  readonly #former = new Map<string, SandboxRuntime>();
  readonly #made = new Set<SandboxRuntime>();
  #usual: Usual | undefined;

  constructor(config: Config["runtime"], native: SandboxRuntime, others: OtherRuntimes) {
    this.#native = native;
    this.#others = others;
    this.#made.add(native);
    this.#handlers = this.#make(config, new Map());
    this.#default = this.#find(config.defaultHandler);
  }

  /** Takes other handlers over. One that is as before keeps its runtime; pods of one that is gone keep theirs. */
  replace(config: Config["runtime"]): void {
    const before = this.#handlers;
    this.#handlers = this.#make(config, before);
    for (const [name, { runtime }] of before) if (!this.#handlers.has(name)) this.#former.set(name, runtime);
    const formerDefault = this.#default.runtime;
    this.#default = this.#find(config.defaultHandler);
    if (this.#usual !== undefined && this.#default.runtime !== formerDefault) this.prepare(this.#usual);
  }

  #make(config: Config["runtime"], before: ReadonlyMap<string, RuntimeHandler>): ReadonlyMap<string, RuntimeHandler> {
    return new Map(
      Object.entries(config.handlers).map(([name, handler]) => {
        const runtime = this.#runtimeFor(name, handler, before.get(name));
        this.#made.add(runtime);
        return [name, { name, config: handler, runtime }];
      }),
    );
  }

  #runtimeFor(name: string, handler: RuntimeHandlerConfig, before: RuntimeHandler | undefined): SandboxRuntime {
    switch (handler.type) {
      case "native":
        return this.#native;
      case "oci":
        return asBefore(before, handler) ?? this.#others.oci(name, handler);
      case "shim-v2":
        return asBefore(before, handler) ?? this.#others.shim(name, handler);
    }
  }

  /** "" is the default. @throws {CribError} invalid-argument naming those there are. */
  of(name: string): RuntimeHandler {
    return name === "" ? this.#default : this.#find(name);
  }

  #find(name: string): RuntimeHandler {
    const handler = this.#handlers.get(name);
    if (handler !== undefined) return handler;
    const known = [...this.#handlers.keys()].map((one) => JSON.stringify(one)).join(", ");
    throw invalidArgument(
      `runtime_handler ${JSON.stringify(name.slice(0, 120))} is not configured; there are ${known}: see [runtime.handlers] of the configuration`,
    );
  }

  /**
   * Who runs a pod that is there already, by what its record says. Undefined: it is of before there were others than crib's own
   * runtime. A pod whose handler is configured no longer can still be stopped and removed: its keeper is crib's.
   */
  runtimeOf(handler: string | undefined): SandboxRuntime {
    const name = handler ?? "";
    return this.#handlers.get(name)?.runtime ?? this.#former.get(name) ?? this.#native;
  }

  features(): readonly HandlerFeatures[] {
    const named = [...this.#handlers.values()].map(({ name, runtime }) => ({ name, features: runtime.features }));
    return [{ name: "", features: this.#default.runtime.features }, ...named];
  }

  /** Each handler by its name, tried now, side by side. */
  async examine(): Promise<readonly HandlerExamination[]> {
    return await Promise.all(
      this.#handlers.values().map(async ({ name, config, runtime }) => ({
        name,
        type: config.type,
        isDefault: name === this.#default.name,
        features: runtime.features,
        ...(await runtime.examine()),
      })),
    );
  }

  prepare(usual: Usual): void {
    this.#usual = usual;
    this.#default.runtime.prepare(usual);
  }

  [Symbol.dispose](): void {
    for (const runtime of this.#made) runtime[Symbol.dispose]();
  }
}

function asBefore(before: RuntimeHandler | undefined, handler: RuntimeHandlerConfig): SandboxRuntime | undefined {
  return before !== undefined && isDeepStrictEqual(before.config, handler) ? before.runtime : undefined;
}
