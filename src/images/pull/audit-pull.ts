import { CribError } from "../../errors/crib-error.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { Image } from "../port.ts";

/** What is told of every pull, however it ends. */
export interface PullFacts {
  readonly image: string;
  /** Who asked: "cri", "cli", or the daemon itself. */
  readonly asker: string;
  /** The server that answered last, once one did. */
  source: string | undefined;
  digest: string | undefined;
  /** What the trust policy said, in this pull itself: undefined for one that joined another. */
  policy: string | undefined;
  /** What this pull brought over the network itself: nothing for one that joined another. */
  fetchedBytes: bigint;
}

/** One line when a pull starts and one when it ends, with what an auditor asks: who, what, from where, how much, how long. */
export async function auditPull(log: Log, clock: Clock, facts: PullFacts, work: () => Promise<Image>): Promise<Image> {
  const started = clock.monotonicMs();
  const { image, asker } = facts;
  log.info({ image, asker }, "pull started");
  const known = () => ({
    image,
    asker,
    ...(facts.digest === undefined ? {} : { digest: facts.digest }),
    ...(facts.source === undefined ? {} : { source: facts.source }),
    ...(facts.policy === undefined ? {} : { policy: facts.policy }),
    fetchedBytes: Number(facts.fetchedBytes),
    ms: Math.round(clock.monotonicMs() - started),
  });
  try {
    const pulled = await work();
    log.info({ ...known(), id: pulled.id, bytes: Number(pulled.sizeBytes) }, "pull done");
    return pulled;
  } catch (error) {
    const code = CribError.is(error) ? error.code : "internal";
    log.info({ ...known(), code, error: error instanceof Error ? error.message : String(error) }, "pull failed");
    throw error;
  }
}
