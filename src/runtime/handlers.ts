import type { Config } from "../config/config.ts";
import type { OciHandlerConfig, RuntimeHandlerConfig } from "../config/runtime-handler.ts";
import { invalidArgument } from "../errors/crib-error.ts";
import type { SpecSeccomp } from "../oci/runtime-spec.ts";
import type { RuntimeFeatures, SandboxRuntime } from "./port.ts";

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

/** Which runtime runs a pod, by the handler's name that it asks for. */
export class RuntimeHandlers implements Disposable {
  readonly #handlers: ReadonlyMap<string, RuntimeHandler>;
  readonly #default: RuntimeHandler;
  readonly #native: SandboxRuntime;

  /** `makeOci` makes what a handler of type oci stands for. */
  constructor(
    config: Config["runtime"],
    native: SandboxRuntime,
    makeOci: (name: string, handler: OciHandlerConfig) => SandboxRuntime,
  ) {
    const runtimeOf = (name: string, handler: RuntimeHandlerConfig): SandboxRuntime => {
      switch (handler.type) {
        case "native":
          return native;
        case "oci":
          return makeOci(name, handler);
      }
    };
    this.#handlers = new Map(
      Object.entries(config.handlers).map(([name, handler]) => [
        name,
        { name, config: handler, runtime: runtimeOf(name, handler) },
      ]),
    );
    this.#native = native;
    this.#default = this.of(config.defaultHandler);
  }

  /** "" is the default. @throws {CribError} invalid-argument naming those there are. */
  of(name: string): RuntimeHandler {
    const handler = name === "" ? this.#default : this.#handlers.get(name);
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
    return this.#handlers.get(handler ?? "")?.runtime ?? this.#native;
  }

  features(): readonly HandlerFeatures[] {
    const named = [...this.#handlers.values()].map(({ name, runtime }) => ({ name, features: runtime.features }));
    return [{ name: "", features: this.#default.runtime.features }, ...named];
  }

  prepare(usual: { readonly seccomp: SpecSeccomp | undefined }): void {
    this.#default.runtime.prepare(usual);
  }

  [Symbol.dispose](): void {
    for (const runtime of new Set([this.#native, ...this.#handlers.values().map((handler) => handler.runtime)])) {
      runtime[Symbol.dispose]();
    }
  }
}
