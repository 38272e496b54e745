import type { Contender } from "./contender.ts";

/** Whole lifecycles a second with `parallel` of them under way; execs are left out. */
export async function measureThroughput({ client }: Contender, lifecycles: number, parallel: number): Promise<number> {
  const { tookMs } = await client.run({ lifecycles, parallel, execs: 0 });
  return (lifecycles * 1000) / tookMs;
}
