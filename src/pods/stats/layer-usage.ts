import { existsSync } from "node:fs";
import type { ContainerId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { Patience } from "../../observe/patience.ts";
import type { ContainerRecord } from "../../state/records.ts";
import { containerPaths } from "../host/container-paths.ts";
import type { WritableLayerUsage } from "../port.ts";
import type { TreeUsage } from "./measure-tree.ts";

/** A scan is reused this long: clients poll every 10 s or more. */
const freshMs = 10_000;
/** A layer that takes long to scan is scanned the more seldom: at most this part of the time. */
const restAfterScan = 9;
/** Scans at one time. Each is a thread that waits for the disk. */
const slots = 2;
/** A walk ends itself before that: one that has not waits for a disk that hangs, and its slot is given to others. */
const longestMs = 20_000;
/** That often: when everything hangs, more threads only wait for the same. */
const mostLeftBehind = 8;
/** How long a caller waits for a scan when there is an older one, and when there is none. */
const patienceKnownMs = 50;
const patienceUnknownMs = 150;

interface Layer {
  readonly id: ContainerId;
  readonly root: HostPath;
  /** What the container writes to the volumes of its image is its own as well, and lies beside the layer. */
  readonly volumes: HostPath;
  usage: WritableLayerUsage | undefined;
  /** When the next scan may start. */
  nextMs: number;
  tookMs: number;
  scan: Promise<void> | undefined;
}

/**
 * Bytes and inodes of writable layers, scanned aside and shared by everyone who asks.
 *
 * Nobody waits long: who asks while a layer is scanned is told what the last scan found, with its time. Of a layer that was
 * never scanned nothing is told. Quick layers are scanned before slow ones, so that one pod with millions of files makes no
 * other pod's numbers old.
 */
export class LayerUsage {
  readonly #measure: (root: HostPath) => Promise<TreeUsage>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #layers = new Map<ContainerId, Layer>();
  readonly #waiting: { readonly layer: Layer; readonly start: () => void }[] = [];
  #running = 0;
  #leftBehind = 0;
  /** When a slot was last taken. */
  #movedMs = 0;

  constructor(measure: (root: HostPath) => Promise<TreeUsage>, clock: Clock, log: Log) {
    this.#measure = measure;
    this.#clock = clock;
    this.#log = log;
  }

  /** What the last scan found, of which the answer tells the time; undefined before the first. */
  async of(record: ContainerRecord, patience: Patience): Promise<WritableLayerUsage | undefined> {
    const layer = this.#layer(record);
    if (layer.scan === undefined && this.#clock.monotonicMs() < layer.nextMs) return layer.usage;
    layer.scan ??= this.#scan(layer);
    if (patience.isOver || this.#stuck()) return layer.usage;
    await patience.wait(layer.scan, layer.usage === undefined ? patienceUnknownMs : patienceKnownMs);
    return layer.usage;
  }

  /** All slots are held by scans that take long: nobody is helped by waiting for the end of the queue. */
  #stuck(): boolean {
    return this.#running === slots && this.#clock.monotonicMs() - this.#movedMs > patienceUnknownMs;
  }

  forget(id: ContainerId): void {
    this.#layers.delete(id);
  }

  #layer(record: ContainerRecord): Layer {
    const known = this.#layers.get(record.id);
    if (known !== undefined) return known;
    const { upper: root, volumes } = containerPaths(record.directory);
    const layer: Layer = { id: record.id, root, volumes, usage: undefined, nextMs: 0, tookMs: 0, scan: undefined };
    this.#layers.set(record.id, layer);
    return layer;
  }

  async #scan(layer: Layer): Promise<void> {
    await this.#slot(layer);
    const scanned = this.#scanNow(layer);
    const inTime = new AbortController();
    const late = this.#clock.sleep(longestMs, inTime.signal);
    const isLate = await Promise.race([scanned.then(() => false), late]);
    inTime.abort();
    if (!isLate || this.#leftBehind >= mostLeftBehind) {
      await scanned;
      this.#next();
      return;
    }
    this.#leftBehind += 1;
    this.#next();
    await scanned;
    this.#leftBehind -= 1;
  }

  async #scanNow(layer: Layer): Promise<void> {
    const timestampNs = this.#clock.now();
    const startMs = this.#clock.monotonicMs();
    try {
      const { usedBytes, inodesUsed, complete } = await this.#measureAll(layer);
      const before = layer.usage;
      layer.usage = {
        timestampNs,
        mountpoint: layer.root,
        // What a scan could not finish is at least what it found, and no less than before.
        usedBytes: complete || before === undefined ? usedBytes : max(usedBytes, before.usedBytes),
        inodesUsed: complete || before === undefined ? inodesUsed : max(inodesUsed, before.inodesUsed),
      };
    } catch (error) {
      this.#log.debug({ container: layer.id, error: String(error) }, "usage of a writable layer not measured");
    } finally {
      const nowMs = this.#clock.monotonicMs();
      layer.tookMs = nowMs - startMs;
      layer.nextMs = nowMs + Math.max(freshMs - layer.tookMs, layer.tookMs * restAfterScan);
      layer.scan = undefined;
    }
  }

  async #measureAll({ root, volumes }: Layer): Promise<TreeUsage> {
    const upper = await this.#measure(root);
    if (!existsSync(volumes)) return upper;
    const beside = await this.#measure(volumes);
    return {
      usedBytes: upper.usedBytes + beside.usedBytes,
      inodesUsed: upper.inodesUsed + beside.inodesUsed,
      complete: upper.complete && beside.complete,
    };
  }

  async #slot(layer: Layer): Promise<void> {
    if (this.#running < slots) {
      this.#movedMs = this.#clock.monotonicMs();
      this.#running += 1;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ layer, start: resolve });
    await promise;
  }

  /** Hands the slot on, to the quickest layer that waits. */
  #next(): void {
    this.#movedMs = this.#clock.monotonicMs();
    let best = 0;
    for (const [index, { layer }] of this.#waiting.entries()) {
      if (layer.tookMs < (this.#waiting[best]?.layer.tookMs ?? 0)) best = index;
    }
    const [next] = this.#waiting.splice(best, 1);
    if (next === undefined) this.#running -= 1;
    else next.start();
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
