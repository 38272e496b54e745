import { CribError } from "../../errors/crib-error.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { GarbageStores } from "../content/collect-garbage.ts";
import type { CheckStep, StoreFinding, StoreProblem } from "../port.ts";
import type { ImageRecord } from "../store/image-records.ts";
import { atOnce, type Pace } from "./pace.ts";
import { type StoreItem, storeItems } from "./store-items.ts";

/** Brings an image's missing parts back from the registry it came from. @throws {CribError} as the registry has it. */
export type Refetch = (image: ImageRecord, signal: AbortSignal) => Promise<void>;

/** Reads what images are made of, and mends what is not what it should be. */
export class StoreChecks {
  readonly #stores: GarbageStores;
  readonly #refetch: Refetch;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Repairs come one after another: two of one layer would set aside what the first has built. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(stores: GarbageStores, refetch: Refetch, clock: Clock, log: Log) {
    this.#stores = stores;
    this.#refetch = refetch;
    this.#clock = clock;
    this.#log = log;
  }

  /** Everything, as fast as the disk reads. */
  async *run({ repair }: { readonly repair: boolean }, signal: AbortSignal): AsyncGenerator<CheckStep> {
    const started = this.#clock.monotonicMs();
    const items = storeItems(this.#stores.index);
    let [doneItems, findings, doneBytes] = [0, 0, 0n];
    const atSpeed = atOnce(signal);
    const pace: Pace = (bytes) => {
      doneBytes += BigInt(bytes);
      return atSpeed(bytes);
    };
    for (const item of items) {
      const finding = await this.check(item, { repair, pace }, signal);
      doneItems += 1;
      if (finding !== undefined) {
        findings += 1;
        yield { kind: "finding", ...finding };
      }
      yield { kind: "progress", items: items.length, doneItems, doneBytes };
    }
    const ms = Math.round(this.#clock.monotonicMs() - started);
    this.#log.info({ items: items.length, bytes: Number(doneBytes), findings, ms }, "the image store was checked");
    yield { kind: "done", items: items.length, doneItems, doneBytes, findings };
  }

  /** @returns what was wrong with the item, and what became of it; undefined for one that is whole, or gone meanwhile. */
  async check(
    item: StoreItem,
    { repair, pace }: { readonly repair: boolean; readonly pace: Pace },
    signal: AbortSignal,
  ): Promise<StoreFinding | undefined> {
    const problem = await this.#problem(item, pace);
    if (problem === undefined) return undefined;
    // A pull that goes on is about to bring it, and an image that was removed meanwhile needs nothing.
    const images = item.images.filter(({ id }) => this.#stores.index.record(id) !== undefined);
    if (images.length === 0 || this.#stores.pins.has(item.digest)) return undefined;
    const found: StoreFinding = {
      part: item.kind,
      digest: item.digest,
      problem,
      images: images.flatMap(({ id }) => this.#stores.index.namesOf(id).map(({ reference }) => reference)),
      outcome: "found",
      error: undefined,
    };
    if (!repair) return this.#told(found);
    const mended = this.#turn.then(() => this.#repair({ ...item, images }, found, signal));
    this.#turn = mended.catch(() => undefined);
    return this.#told(await mended);
  }

  async #problem({ kind, digest }: StoreItem, pace: Pace): Promise<StoreProblem | undefined> {
    const { layers, content } = this.#stores;
    return kind === "layer" ? await layers.problem(digest, pace) : await content.problem(digest, pace);
  }

  async #repair(item: StoreItem, found: StoreFinding, signal: AbortSignal): Promise<StoreFinding> {
    // The item may have been mended while this waited for its turn.
    if ((await this.#problem(item, atOnce(signal))) === undefined) return { ...found, outcome: "repaired" };
    await this.#setAside(item);
    let error: CribError | undefined;
    for (const image of item.images.filter(({ removed }) => !removed)) {
      try {
        await this.#refetch(image, signal);
        return { ...found, outcome: "repaired" };
      } catch (failure) {
        signal.throwIfAborted();
        error = CribError.is(failure) ? failure : new CribError("internal", String(failure), { cause: failure });
      }
    }
    error ??= new CribError(
      "failed-precondition",
      "only containers of a removed image have it: nothing says where it came from",
    );
    return { ...found, outcome: "lost", error: { code: error.code, message: error.message } };
  }

  async #setAside(item: StoreItem): Promise<void> {
    const { layers, content, damaged } = this.#stores;
    if (item.kind === "layer") await layers.setAside(item.digest, damaged);
    else await content.setAside(item.digest, damaged);
  }

  #told(finding: StoreFinding): StoreFinding {
    const { part, digest, problem, images, outcome, error } = finding;
    this.#log.warn(
      { part, digest, problem, images, outcome, ...(error ? { error: error.message } : {}) },
      "the image store is damaged",
    );
    return finding;
  }
}
