import type { CliIo } from "./cli-io.ts";

/** An AbortSignal that the first Ctrl-C (or SIGTERM) aborts, for verbs that simply end then. */
export function interruptSignal(io: CliIo): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const subscription = io.onInterrupt(() => controller.abort());
  return { signal: controller.signal, [Symbol.dispose]: () => subscription[Symbol.dispose]() };
}
