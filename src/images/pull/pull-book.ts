import type { Digest, ImageId } from "../../ids/digest.ts";
import type { UnixNanos } from "../../ids/units.ts";
import type { Clock } from "../../observe/clock.ts";
import { TransferRate } from "../../observe/transfer-rate.ts";
import type { LayerUnderWay, PullEvent, PullProgress, PullUnderWay } from "../port.ts";

type LayerStep = Extract<PullProgress, { readonly kind: "layer" }>;
type Resolved = Extract<PullProgress, { readonly kind: "resolved" }>;
type HostFailed = Extract<PullProgress, { readonly kind: "host-failure" }>;

interface Layer {
  step: LayerStep;
  readonly rate: TransferRate;
  /** What an earlier pull had left of it. */
  readonly firstBytes: bigint;
}

interface Page {
  readonly id: number;
  readonly reference: string;
  readonly askers: Set<string>;
  readonly startedAtNs: UnixNanos;
  resolved: Resolved | undefined;
  readonly layers: Map<Digest, Layer>;
  readonly hostFailures: Map<string, HostFailed>;
  toldAtMs: number;
}

/** Often enough for an eye, and for a script that draws a bar. */
const tellEveryMs = 200;

/** The pulls that are going on, with what each has told so far: for who joins one, and for who watches them all. */
export class PullBook {
  readonly #clock: Clock;
  readonly #pages = new Map<string, Page>();
  readonly #listeners = new Set<(event: PullEvent) => void>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Writes down what `work` tells, under `key`, until it has ended. */
  async keep(
    key: string,
    about: { readonly reference: string; readonly asker: string },
    work: (note: (progress: PullProgress) => void) => Promise<ImageId>,
  ): Promise<ImageId> {
    const page = this.#open(key, about);
    try {
      const imageId = await work((progress) => this.#note(page, progress));
      this.#tell(page, { imageId });
      return imageId;
    } catch (error) {
      this.#tell(page, { error: error instanceof Error ? error.message : String(error) });
      throw error;
    } finally {
      this.#pages.delete(key);
    }
  }

  /** One more who waits for the pull under `key`. @returns what it has told so far; nothing when there is none. */
  join(key: string, asker: string): readonly PullProgress[] {
    const page = this.#pages.get(key);
    if (page === undefined) return [];
    page.askers.add(asker);
    const layers = [...page.layers.values()].map(({ step }) => step);
    return [...(page.resolved === undefined ? [] : [page.resolved]), ...page.hostFailures.values(), ...layers];
  }

  /** Bytes that came over the network in the pull under `key`. */
  fetchedBytes(key: string): bigint {
    const layers = [...(this.#pages.get(key)?.layers.values() ?? [])];
    return layers.reduce((sum, { step, firstBytes }) => sum + step.doneBytes - firstBytes, 0n);
  }

  list(): readonly PullUnderWay[] {
    return [...this.#pages.values()].map(toView);
  }

  watch(listener: (event: PullEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #open(key: string, { reference, asker }: { readonly reference: string; readonly asker: string }): Page {
    const page: Page = {
      id: ++this.#lastId,
      reference,
      askers: new Set([asker]),
      startedAtNs: this.#clock.now(),
      resolved: undefined,
      layers: new Map(),
      hostFailures: new Map(),
      toldAtMs: Number.NEGATIVE_INFINITY,
    };
    this.#pages.set(key, page);
    this.#tell(page, undefined);
    return page;
  }

  #note(page: Page, progress: PullProgress): void {
    switch (progress.kind) {
      case "resolved":
        page.resolved = progress;
        for (const { digest, sizeBytes } of progress.layers) {
          const step: LayerStep = {
            kind: "layer",
            digest,
            phase: "waiting",
            doneBytes: 0n,
            totalBytes: BigInt(sizeBytes),
          };
          page.layers.set(digest, { step, rate: new TransferRate(), firstBytes: 0n });
        }
        this.#tell(page, undefined);
        return;
      case "host-failure":
        page.hostFailures.set(progress.origin, progress);
        return;
      case "layer":
        this.#noteLayer(page, progress);
        return;
      case "done":
        return;
    }
  }

  #noteLayer(page: Page, step: LayerStep): void {
    const nowMs = this.#clock.monotonicMs();
    const before = page.layers.get(step.digest);
    // Waiting is told before what is on the disk has been looked at.
    const isFirst = before === undefined || before.step.phase === "waiting";
    const layer = isFirst ? { step, rate: new TransferRate(), firstBytes: step.doneBytes } : before;
    const changed = before?.step.phase !== step.phase;
    const sender = step.sender ?? before?.step.sender;
    layer.step = { ...step, ...(sender === undefined ? {} : { sender }) };
    if (step.phase === "downloading") layer.rate.sample(step.doneBytes, nowMs);
    page.layers.set(step.digest, layer);
    if (changed || nowMs - page.toldAtMs >= tellEveryMs) this.#tell(page, undefined);
  }

  #tell(page: Page, ended: PullEvent["ended"]): void {
    page.toldAtMs = this.#clock.monotonicMs();
    if (this.#listeners.size === 0) return;
    const event: PullEvent = { pull: toView(page), ended };
    for (const listener of this.#listeners) listener(event);
  }
}

function toView(page: Page): PullUnderWay {
  return {
    id: page.id,
    reference: page.reference,
    askers: [...page.askers],
    startedAtNs: page.startedAtNs,
    digest: page.resolved?.digest,
    layers: [...page.layers.values()].map(toLayerView),
  };
}

function toLayerView({ step, rate }: Layer): LayerUnderWay {
  const { digest, phase, doneBytes, totalBytes, sender } = step;
  const moves = phase === "downloading";
  return {
    digest,
    phase,
    doneBytes,
    totalBytes,
    sender,
    bytesPerSecond: moves ? rate.bytesPerSecond : undefined,
    msLeft: moves ? rate.etaMs(totalBytes - doneBytes) : undefined,
  };
}
