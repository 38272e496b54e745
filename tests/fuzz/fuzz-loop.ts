import { Random } from "../harness/random.ts";
import { sayProgress } from "../harness/say.ts";
import type { FlightRecorder } from "./flight-recorder.ts";
import type { FuzzTarget } from "./fuzz-target.ts";
import { Mutator } from "./mutator.ts";
import { loadSeeds, saveSeed } from "./seeds.ts";
import { shrink } from "./shrink.ts";

/** How much the process may grow after the first inputs: what an input leaves behind adds up to more than this. */
const MAX_GROWTH_MIB = 512;
const SHRINK_MS = 5000;
const KEPT_AT_MOST = 4000;
const REPORT_EVERY_MS = 30_000;

export interface FuzzLoopOptions {
  readonly target: FuzzTarget;
  readonly seed: number;
  /** Of processor time: a busy machine takes longer, and does the same. */
  readonly seconds: number;
  readonly recorder: FlightRecorder;
  /** New paths become seeds. */
  readonly keepPaths: boolean;
}

export interface FuzzResult {
  readonly inputs: number;
  readonly paths: number;
  /** What broke and the file of the input. */
  readonly finding: string | undefined;
}

const processorSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
};
const residentMiB = (): number => process.memoryUsage.rss() / 1024 / 1024;

/** Mutates inputs of one target and reads them until the time is over or one breaks something. */
export class FuzzLoop {
  readonly #options: FuzzLoopOptions;
  readonly #corpus: Uint8Array[] = [];
  readonly #paths = new Set<string>();
  #inputs = 0;
  #baselineMiB = 0;

  constructor(options: FuzzLoopOptions) {
    this.#options = options;
  }

  async run(): Promise<FuzzResult> {
    const { target, seed, seconds } = this.#options;
    const until = processorSeconds() + seconds;
    const finding = this.#readSeeds() ?? (await this.#readMutations(new Random(seed), until)) ?? this.#finish();
    return { inputs: this.#inputs, paths: this.#paths.size, finding: finding && `${target.name}: ${finding}` };
  }

  #readSeeds(): string | undefined {
    const { target } = this.#options;
    for (const bytes of [
      ...target.examples(),
      ...loadSeeds(target.name).map((seed) => seed.bytes),
      new Uint8Array(0),
    ]) {
      const finding = this.#read(bytes);
      if (finding !== undefined) return finding;
      this.#corpus.push(bytes);
    }
    return undefined;
  }

  async #readMutations(random: Random, until: number): Promise<string | undefined> {
    const { target } = this.#options;
    const mutator = new Mutator(random, target.tokens, target.maxInputBytes);
    const pick = (): Uint8Array => this.#corpus[Math.floor(random.next() * this.#corpus.length)] ?? new Uint8Array(0);
    let reportAtMs = performance.now() + REPORT_EVERY_MS;
    for (let round = 1; ; round++) {
      const known = target.mutate !== undefined && random.next() < 0.5 ? target.mutate(pick(), random) : undefined;
      const input = known?.subarray(0, target.maxInputBytes) ?? mutator.mutate(pick(), pick());
      const finding = this.#read(input);
      if (finding !== undefined) return finding;
      if (round % 256 !== 0) continue;
      // Bun lets go of what zlib held in a later turn: without one that would be the growth.
      await new Promise((resolve) => setImmediate(resolve));
      const grown = this.#checkGrowth(round);
      if (grown !== undefined || processorSeconds() > until) return grown;
      if (performance.now() < reportAtMs) continue;
      reportAtMs = performance.now() + REPORT_EVERY_MS;
      sayProgress(`${target.name}: ${this.#inputs} inputs, ${this.#paths.size} paths, ${residentMiB().toFixed(0)} MiB`);
    }
  }

  #read(input: Uint8Array): string | undefined {
    const { target, recorder } = this.#options;
    recorder.begin(input);
    const before = performance.now();
    let path: string;
    try {
      path = target.run(input);
    } catch (error) {
      return this.#broken(input, error);
    }
    recorder.end();
    this.#inputs++;
    if (performance.now() - before > target.maxInputMs && this.#isSlow(input))
      return `longer than ${target.maxInputMs} ms for ${saveSeed(target.name, "found", input)}`;
    if (this.#paths.has(path)) return undefined;
    this.#paths.add(path);
    if (this.#corpus.length < KEPT_AT_MOST) this.#corpus.push(input);
    if (this.#options.keepPaths) saveSeed(target.name, "path", input);
    return undefined;
  }

  /** Slow every time, that is: once may be the collector or another process. */
  #isSlow(input: Uint8Array): boolean {
    const { target } = this.#options;
    for (let again = 0; again < 3; again++) {
      const before = performance.now();
      target.run(input);
      if (performance.now() - before <= target.maxInputMs) return false;
    }
    return true;
  }

  #broken(input: Uint8Array, error: unknown): string {
    const { target } = this.#options;
    const fails = (candidate: Uint8Array): boolean => {
      try {
        target.run(candidate);
        return false;
      } catch {
        return true;
      }
    };
    const small = fails(input) ? shrink(input, fails, SHRINK_MS) : input;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `${text}\n${small.length} bytes in ${saveSeed(target.name, "found", small)}`;
  }

  #checkGrowth(round: number): string | undefined {
    if (round === 8192) {
      Bun.gc(true);
      this.#baselineMiB = residentMiB();
    }
    if (round <= 8192 || residentMiB() - this.#baselineMiB < MAX_GROWTH_MIB) return undefined;
    Bun.gc(true);
    const now = residentMiB();
    if (now - this.#baselineMiB < MAX_GROWTH_MIB) return undefined;
    return `grown from ${this.#baselineMiB.toFixed(0)} to ${now.toFixed(0)} MiB after ${this.#inputs} inputs`;
  }

  #finish(): string | undefined {
    try {
      this.#options.target.finish?.();
      return undefined;
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  }
}
