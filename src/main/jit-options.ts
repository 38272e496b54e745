import { scrubEnvironment } from "./scrub-environment.ts";

/** So many calls or loops of a function, and it is compiled for good; JavaScriptCore waits for ten times as many. */
const hotAfter = "100";

/**
 * How JavaScriptCore compiles in the daemon: early, and without the last, slowest of its compilers. What will be compiled is
 * then compiled within the first pods, so that the daemon's memory is level from there on (docs/decisions/0042).
 *
 * They have no other way in than the environment, read before the first line of JavaScript runs. Names and meaning are those
 * of the pinned Bun's `OptionsList.h`; one that it does not know ends the process with a message.
 */
const jitOptions: Readonly<Record<string, string>> = {
  BUN_JSC_useFTLJIT: "0",
  BUN_JSC_thresholdForOptimizeAfterWarmUp: hotAfter,
  BUN_JSC_thresholdForOptimizeAfterLongWarmUp: hotAfter,
  BUN_JSC_thresholdForOptimizeSoon: hotAfter,
};

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment to begin again in, or undefined where the process already compiles as the daemon should. */
export function environmentWithJitOptions(env: Environment): Record<string, string> | undefined {
  if (Object.entries(jitOptions).every(([name, value]) => env[name] === value)) return undefined;
  const next: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) next[name] = value;
  scrubEnvironment(next);
  return Object.assign(next, jitOptions);
}
