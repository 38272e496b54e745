import { scrubEnvironment } from "./scrub-environment.ts";

/**
 * After so many calls or loops of a function it is compiled, and after so many more for good; JavaScriptCore waits for 500 and
 * 1000, which at the rate of a pod's calls are hundreds of pods.
 */
const warmAfter = "100";
const hotAfter = "30";

/**
 * How JavaScriptCore compiles in the daemon: early, and without the last, slowest of its compilers. What will be compiled is
 * then compiled within the first pods, so that the daemon's memory is level from there on (docs/decisions/0042).
 *
 * They have no other way in than the environment, read before the first line of JavaScript runs. Names and meaning are those
 * of the pinned Bun's `OptionsList.h`; one that it does not know ends the process with a message.
 */
const jitOptions: Readonly<Record<string, string>> = {
  BUN_JSC_useFTLJIT: "0",
  BUN_JSC_thresholdForJITAfterWarmUp: warmAfter,
  BUN_JSC_thresholdForJITSoon: "30",
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
