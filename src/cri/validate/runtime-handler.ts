import type { Config } from "../../config/config.ts";
import { invalidArgument } from "../../errors/crib-error.ts";

/** The handlers a pod may ask for; "" is the default one under its other name. */
export function runtimeHandlers(config: Config): readonly string[] {
  return ["", config.runtime.defaultHandler];
}

/** @throws {CribError} invalid-argument naming those there are. */
export function checkRuntimeHandler(handler: string, config: Config): void {
  if (runtimeHandlers(config).includes(handler)) return;
  const known = runtimeHandlers(config)
    .map((name) => JSON.stringify(name))
    .join(", ");
  throw invalidArgument(
    `runtime_handler ${JSON.stringify(handler.slice(0, 120))} is not configured; there are ${known}`,
  );
}
