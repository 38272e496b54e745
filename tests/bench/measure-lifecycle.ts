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

export function emptyTimes(): LifecycleTimes {
  return Object.fromEntries(operations.map((operation) => [operation, new Samples()])) as Record<Operation, Samples>;
}

/** Lives one pod through and adds what each call took, seen from the client, to `times`. */
export async function measureLifecycle(
  { bed, pod, container }: Contender,
  execs: number,
  times: LifecycleTimes,
): Promise<void> {
  const timed = async <T>(operation: Operation, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    times[operation].add(performance.now() - start);
    return result;
  };
  const start = performance.now();
  const sandbox = await timed("runPodSandbox", () => bed.runPod(pod));
  const made = await timed("createContainer", () => bed.create(sandbox, container));
  await timed("startContainer", () => made.start());
  times.podToRunning.add(performance.now() - start);
  for (let index = 0; index < execs; index++) await timed("execSync", () => made.exec(["true"]));
  await timed("stopContainer", () => made.stop(0));
  await made.remove();
  await timed("stopPodSandbox", () => sandbox.stop());
  await timed("removePodSandbox", () => sandbox.remove());
}

/** Lifecycles of all contenders in turn, round by round, so that none has the machine's better minutes to itself. */
export async function measureLifecycles(
  contenders: readonly Contender[],
  rounds: { readonly rounds: number; readonly warmUps: number; readonly execsPerRound: number },
): Promise<ReadonlyMap<Contender, LifecycleTimes>> {
  const results = new Map(contenders.map((entry) => [entry, emptyTimes()]));
  for (let round = -rounds.warmUps; round < rounds.rounds; round++) {
    for (const [entry, times] of results) {
      await measureLifecycle(entry, rounds.execsPerRound, round < 0 ? emptyTimes() : times);
    }
  }
  return results;
}
