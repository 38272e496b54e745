import type { Contender } from "./contender.ts";
import { Samples } from "./statistics.ts";

export const operations = [
  "runPodSandbox",
  "createContainer",
  "startContainer",
  "podToRunning",
  "execSync",
  "stopContainer",
  "stopPodSandbox",
  "removePodSandbox",
] as const;

export type Operation = (typeof operations)[number];
export type LifecycleTimes = Readonly<Record<Operation, Samples>>;

function emptyTimes(): LifecycleTimes {
  return Object.fromEntries(operations.map((operation) => [operation, new Samples()])) as Record<Operation, Samples>;
}

/** Lifecycles of all contenders in turn, round by round, so that none has the machine's better minutes to itself. */
export async function measureLifecycles(
  contenders: readonly Contender[],
  rounds: { readonly rounds: number; readonly warmUps: number; readonly execsPerRound: number },
): Promise<ReadonlyMap<Contender, LifecycleTimes>> {
  const results = new Map(contenders.map((entry) => [entry, emptyTimes()]));
  for (let round = -rounds.warmUps; round < rounds.rounds; round++) {
    for (const [{ client }, times] of results) {
      const { callsMs } = await client.run({ lifecycles: 1, parallel: 1, execs: rounds.execsPerRound });
      if (round < 0) continue;
      for (const operation of operations) for (const tookMs of callsMs[operation] ?? []) times[operation].add(tookMs);
    }
  }
  return results;
}
