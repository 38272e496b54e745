import { parseArgs } from "node:util";
import type { LargeImageSize } from "../fixtures/test-images.ts";
import type { EngineKind } from "../harness/engine.ts";

/** How much to measure. */
export interface BenchOptions {
  /** Lifecycles per engine and network that are counted. */
  readonly rounds: number;
  /** Lifecycles before those, not counted. */
  readonly warmUps: number;
  readonly execsPerRound: number;
  readonly throughputLifecycles: number;
  readonly parallel: number;
  readonly throughputRounds: number;
  /** Pods at which memory a pod is measured. */
  readonly memoryPods: number;
  /** Pods with which the daemon's memory and restart are measured. */
  readonly densityPods: number;
  readonly pullRounds: number;
  readonly largeImage: LargeImageSize;
  readonly engines: readonly EngineKind[];
  readonly json: boolean;
}

const FULL = {
  rounds: 30,
  warmUps: 3,
  execsPerRound: 3,
  throughputLifecycles: 40,
  parallel: 8,
  throughputRounds: 3,
  memoryPods: 10,
  densityPods: 110,
  pullRounds: 3,
  largeImage: { layers: 4, filesPerLayer: 1_100, fileBytes: 124 * 1024 },
} as const;

/** Every path of the code once, in seconds. */
const SMOKE = {
  rounds: 2,
  warmUps: 1,
  execsPerRound: 1,
  throughputLifecycles: 4,
  parallel: 4,
  throughputRounds: 1,
  memoryPods: 2,
  densityPods: 4,
  pullRounds: 1,
  largeImage: { layers: 2, filesPerLayer: 20, fileBytes: 64 * 1024 },
} as const;

export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string" },
      pods: { type: "string" },
      smoke: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      only: { type: "string" },
    },
  });
  const base = values.smoke ? SMOKE : FULL;
  const { only } = values;
  if (only !== undefined && only !== "crib" && only !== "containerd")
    throw new Error(`--only ${only}: crib or containerd`);
  return {
    ...base,
    rounds: count(values.rounds, base.rounds, "--rounds"),
    densityPods: count(values.pods, base.densityPods, "--pods"),
    engines: only === undefined ? ["crib", "containerd"] : [only],
    json: values.json,
  };
}

function count(text: string | undefined, fallback: number, flag: string): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${flag} ${text}: a number from 1`);
  return value;
}
