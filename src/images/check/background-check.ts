import type { Config } from "../../config/config.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { ImageCatalogue } from "../store/image-catalogue.ts";
import type { CheckedTimes } from "./checked-times.ts";
import { atRate } from "./pace.ts";
import type { StoreChecks } from "./store-checks.ts";
import { type StoreItem, storeItems } from "./store-items.ts";

export interface BackgroundCheckOptions {
  /** Everything is read once in `checkIntervalMs`; 0: nothing is read unasked. A reload may change it. */
  readonly config: Pick<Config, "images">;
  /** Whether the last boot did not end in good order: then everything is read now, and sooner. */
  readonly unclean: boolean;
}

/** A start has better to do than to read old layers. */
const firstRestMs = 60_000;
const restMs = 600_000;
/** Slow enough not to be noticed: a week reads terabytes. */
const bytesPerSecond = 8 * 1024 ** 2;
const uncleanBytesPerSecond = 64 * 1024 ** 2;

/** Reads the store slowly, what was read longest ago first, and mends what it finds, for as long as the daemon lives. */
export class BackgroundCheck implements Disposable {
  readonly #checks: StoreChecks;
  readonly #index: Pick<ImageCatalogue, "records">;
  readonly #times: CheckedTimes;
  readonly #options: BackgroundCheckOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stopped = new AbortController();

  constructor(
    checks: StoreChecks,
    index: Pick<ImageCatalogue, "records">,
    times: CheckedTimes,
    options: BackgroundCheckOptions,
    { clock, log }: { readonly clock: Clock; readonly log: Log },
  ) {
    this.#checks = checks;
    this.#index = index;
    this.#times = times;
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  start(): void {
    this.#run().catch((error: unknown) => {
      if (!this.#stopped.signal.aborted) this.#log.error({ err: error }, "the image store is not checked any more");
    });
  }

  [Symbol.dispose](): void {
    this.#stopped.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    await this.#times.load();
    let isFirst = this.#options.unclean;
    if (isFirst && this.#intervalMs > 0)
      this.#log.info({}, "the last boot did not end in good order: the image store is verified");
    if (!(await this.#clock.sleep(isFirst ? 0 : firstRestMs, signal))) return;
    do {
      if (this.#intervalMs > 0) await this.#round(isFirst, signal);
      isFirst = false;
    } while (await this.#clock.sleep(restMs, signal));
  }

  async #round(everything: boolean, signal: AbortSignal): Promise<void> {
    const pace = atRate(everything ? uncleanBytesPerSecond : bytesPerSecond, this.#clock, signal);
    const items = storeItems(this.#index);
    this.#times.keepOnly(items.map(({ digest }) => digest));
    const due = everything ? items : items.filter((item) => this.#isDue(item));
    for (const item of due.toSorted((a, b) => this.#times.of(a.digest) - this.#times.of(b.digest))) {
      const finding = await this.#checks.check(item, { repair: true, pace }, signal);
      if (finding?.outcome !== "lost") await this.#times.set(item.digest, this.#nowMs());
    }
  }

  /** What was never read was verified when it came; that is when its newest image was pulled at the latest. */
  #isDue(item: StoreItem): boolean {
    const pulledAtMs = Math.max(...item.images.map(({ pulledAtNs }) => Number(pulledAtNs / 1_000_000n)));
    return Math.max(this.#times.of(item.digest), pulledAtMs) + this.#intervalMs <= this.#nowMs();
  }

  get #intervalMs(): number {
    return this.#options.config.images.checkIntervalMs;
  }

  #nowMs(): number {
    return Number(this.#clock.now() / 1_000_000n);
  }
}
